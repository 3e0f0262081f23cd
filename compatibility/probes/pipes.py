"""Pipes and terminals."""

import asyncio
import os
import tempfile

from registry import probe
from support import Recorder, expect_async, until


async def reading(loop, fd):
    return await loop.connect_read_pipe(Recorder, os.fdopen(fd, "rb", 0))


async def writing(loop, fd):
    return await loop.connect_write_pipe(Recorder, os.fdopen(fd, "wb", 0))


@probe()
async def pipe(loop):
    """`connect_read_pipe` and `connect_write_pipe` on the ends of a pipe"""
    receive, send = os.pipe()
    reader, got = await reading(loop, receive)
    writer, _ = await writing(loop, send)
    writer.write(b"x" * 300_000)
    writer.close()
    await got.lost
    assert len(got.data) == 300_000 and got.events[-2:] == ["eof", "lost"], f"events: {got.events}"


@probe(issue="uvloop#80")
async def terminal(loop):
    """A pseudo-terminal is read and written"""
    import tty

    outer, inner = os.openpty()
    tty.setraw(inner)
    reader, got = await reading(loop, os.dup(outer))
    writer, _ = await writing(loop, os.dup(outer))
    os.write(inner, b"up")
    await until(lambda: got.data == b"up", "nothing is read")
    writer.write(b"down")
    assert await loop.run_in_executor(None, os.read, inner, 100) == b"down"
    writer.close()
    reader.close()
    await got.lost
    os.close(inner)
    os.close(outer)


@probe()
async def named_pipe(loop):
    """A named pipe (FIFO) that is open for reading and writing"""
    os.mkfifo("fifo")
    reader, got = await reading(loop, os.open("fifo", os.O_RDONLY | os.O_NONBLOCK))
    writer, _ = await writing(loop, os.open("fifo", os.O_WRONLY | os.O_NONBLOCK))
    writer.write(b"x")
    await until(lambda: got.data == b"x")
    writer.close()
    await got.lost


@probe()
async def reader_goes(loop):
    """A write pipe whose reader goes hears `connection_lost(BrokenPipeError)` or None, without a write"""
    receive, send = os.pipe()
    _, protocol = await writing(loop, send)
    os.close(receive)
    error = await asyncio.wait_for(protocol.lost, 2)
    assert error is None or isinstance(error, BrokenPipeError), f"it got {error!r}"


@probe(issue="uvloop#414")
async def regular_files_refused(loop):
    """A regular file is refused with ValueError"""
    with tempfile.TemporaryFile() as file:
        error = await expect_async(ValueError, loop.connect_read_pipe(Recorder, file))
        assert "Pipe transport is" in str(error), f"it says {error}"
        await expect_async(ValueError, loop.connect_write_pipe(Recorder, file))


@probe()
async def pipe_extra_info(loop):
    """The `'pipe'` of a pipe's transport is the file object given, which `close` closes"""
    receive, send = os.pipe()
    file = os.fdopen(receive, "rb", 0)
    transport, protocol = await loop.connect_read_pipe(Recorder, file)
    assert transport.get_extra_info("pipe") is file
    transport.close()
    await protocol.lost
    assert file.closed, "the file is left open"
    os.close(send)


@probe()
async def pipe_pause(loop):
    """A read pipe is paused and resumed, a write pipe has limits and `write_eof`"""
    receive, send = os.pipe()
    reader, got = await reading(loop, receive)
    writer, told = await writing(loop, send)
    reader.pause_reading()
    writer.set_write_buffer_limits(high=10)
    writer.write(b"x" * 200_000)
    await asyncio.sleep(0.002)
    assert got.data == b"" and "pause" in told.events, f"{told.events}"
    assert writer.can_write_eof() and writer.get_write_buffer_size() > 0
    writer.write_eof()
    reader.resume_reading()
    await got.lost
    assert len(got.data) == 200_000
    await told.lost
