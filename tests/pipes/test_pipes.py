"""`connect_read_pipe` and `connect_write_pipe`: pipes, sockets, terminals."""

import asyncio
import os
import pty
import socket
import tempfile

import pytest

from ..support import PY311, Recorder, differential, until


class Writer(asyncio.BaseProtocol):
    def __init__(self):
        self.events = []
        self.lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        self.events.append("made")

    def pause_writing(self):
        self.events.append("pause")

    def resume_writing(self):
        self.events.append("resume")

    def connection_lost(self, exc):
        self.events.append("lost")
        self.lost.set_result(exc)


def files():
    readable, writable = os.pipe()
    return os.fdopen(readable, "rb", 0), os.fdopen(writable, "wb", 0)


def test_reading():
    async def scenario(loop, log):
        readable, writable = files()
        transport, protocol = await loop.connect_read_pipe(Recorder, readable)
        log(
            isinstance(transport, asyncio.ReadTransport),
            transport.get_extra_info("pipe") is readable,
        )
        log(repr(transport))
        writable.write(b"one")
        await until(lambda: protocol.data == b"one")
        transport.pause_reading()
        log(PY311 and transport.is_reading(), repr(transport))
        writable.write(b"two")
        await asyncio.sleep(0.01)
        log(bytes(protocol.data))
        transport.resume_reading()
        await until(lambda: protocol.data == b"onetwo")
        writable.close()
        log(await protocol.lost, protocol.events[-2:], readable.closed)
        log(repr(transport))

    differential(scenario)


def test_writing():
    async def scenario(loop, log):
        readable, writable = files()
        transport, protocol = await loop.connect_write_pipe(Writer, writable)
        log(isinstance(transport, asyncio.WriteTransport), repr(transport))
        log(transport.can_write_eof(), transport.get_write_buffer_limits())
        for data in (b"b", bytearray(b"a"), memoryview(b"v"), b"", "text", None, 5):
            try:
                transport.write(data)
            except (TypeError, AssertionError) as error:
                log(type(error), str(error))
        transport.writelines([b"1", b"2"])
        log(os.read(readable.fileno(), 100))
        transport.write(b"x" * 1_000_000)
        log(transport.get_write_buffer_size() > 0, protocol.events)
        transport.write_eof()
        log(transport.is_closing())
        count = 0
        os.set_blocking(readable.fileno(), False)
        while count < 1_000_000:
            try:
                count += len(os.read(readable.fileno(), 100_000))
            except BlockingIOError:
                await asyncio.sleep(0)
        log(await protocol.lost, protocol.events, writable.closed, os.read(readable.fileno(), 1))
        readable.close()

    differential(scenario)


def test_the_reader_goes_away():
    async def scenario(loop, log):
        readable, writable = files()
        transport, protocol = await loop.connect_write_pipe(Writer, writable)
        readable.close()
        log(await protocol.lost, transport.is_closing())
        for _ in range(7):
            transport.write(b"x")

        readable, writable = files()
        transport, protocol = await loop.connect_write_pipe(Writer, writable)
        transport.write(b"x" * 1_000_000)
        readable.close()
        log(await protocol.lost)

    differential(scenario)


def test_abort_and_close():
    async def scenario(loop, log):
        readable, writable = files()
        _, reader = await loop.connect_read_pipe(Recorder, readable)
        _, writer = await loop.connect_write_pipe(Writer, writable)
        writer.transport.write(b"x" * 1_000_000)
        writer.transport.abort()
        log(await writer.lost, await reader.lost)
        readable, writable = files()
        _, reader = await loop.connect_read_pipe(Recorder, readable)
        _, writer = await loop.connect_write_pipe(Writer, writable)
        reader.transport.close()
        log(reader.transport.is_closing(), await reader.lost, await writer.lost)

    differential(scenario)


def test_sockets_are_pipes_too():
    async def scenario(loop, log):
        a, b = socket.socketpair()
        _, writer = await loop.connect_write_pipe(Writer, a)
        _, reader = await loop.connect_read_pipe(Recorder, b)
        writer.transport.write(b"through a socket")
        await until(lambda: reader.data == b"through a socket")
        writer.transport.close()
        log(await writer.lost, await reader.lost)

    differential(scenario)


def test_terminals():
    async def scenario(loop, log):
        master, slave = pty.openpty()
        _, writer = await loop.connect_write_pipe(Writer, os.fdopen(slave, "wb", 0))
        _, reader = await loop.connect_read_pipe(Recorder, os.fdopen(master, "rb", 0))
        writer.transport.write(b"line\n")
        await until(lambda: b"line" in reader.data)
        log(bytes(reader.data))
        writer.transport.close()
        log(await writer.lost)
        error = await reader.lost
        log(type(error))

    differential(scenario)


def test_streams_over_pipes(loop):
    async def main():
        readable, writable = files()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), readable)
        transport, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, writable
        )
        writer = asyncio.StreamWriter(transport, protocol, None, loop)
        for number in range(1000):
            writer.write(b"%d\n" % number)
            await writer.drain()
        writer.close()
        assert [int(line) async for line in reader] == list(range(1000))

    loop.run_until_complete(main())


@pytest.mark.parametrize("method", ["connect_read_pipe", "connect_write_pipe"])
def test_what_is_no_pipe(method):
    async def scenario(loop, log):
        connect = getattr(loop, method)
        with tempfile.TemporaryFile() as plain:
            for pipe in (plain, None, 5, object(), "x"):
                try:
                    await connect(Recorder, pipe)
                except Exception as error:
                    log(type(error), str(error))
        readable, writable = files()
        readable.close()
        writable.close()
        for pipe in (readable, writable):
            try:
                await connect(Recorder, pipe)
            except Exception as error:
                log(type(error), str(error))

        def bad():
            raise ValueError("factory")

        readable, writable = files()
        try:
            await connect(bad, readable)
        except ValueError as error:
            log(error, readable.closed)
        readable.close()
        writable.close()

    differential(scenario)
