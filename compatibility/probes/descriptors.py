"""Descriptors of one's own: `add_reader` and `add_writer`."""

import asyncio
import os
import socket
import tempfile

from registry import probe
from support import connected, expect, until


@probe()
async def readers_and_writers(loop):
    """`add_reader` and `add_writer` on the same socket, replaced and removed"""
    a, b = socket.socketpair()
    with a, b:
        seen = []
        loop.add_reader(a.fileno(), seen.append, "replaced")
        loop.add_reader(a.fileno(), lambda: seen.append(a.recv(10)))
        loop.add_writer(a.fileno(), lambda: (seen.append("write"), loop.remove_writer(a.fileno())))
        b.send(b"x")
        await until(lambda: len(seen) >= 2)
        assert sorted(map(str, seen)) == ["b'x'", "write"], f"{seen}"
        loop.remove_reader(a.fileno())


@probe()
async def removed_or_not(loop):
    """`remove_reader` and `remove_writer` return whether there was one"""
    a, b = socket.socketpair()
    with a, b:
        loop.add_reader(a.fileno(), int)
        assert loop.remove_reader(a.fileno()) is True, "not True when there was"
        assert loop.remove_reader(a.fileno()) is False, "not False when there was none"
        assert loop.remove_writer(a.fileno()) is False, "not False when there was none"


@probe()
async def objects_with_fileno(loop):
    """They take sockets and files, anything with `fileno()`"""
    a, b = socket.socketpair()
    with a, b:
        loop.add_reader(a, int)
        loop.remove_reader(a.fileno())
        loop.add_writer(a.fileno(), int)
        loop.remove_writer(a)


@probe(issue="uvloop#653")
async def descriptor_of_a_transport(loop):
    """A descriptor that a transport uses is refused with RuntimeError by `add_reader` and `sock_recv`"""
    transport, _, peer = await connected(loop)
    sock = transport.get_extra_info("socket")
    fd = sock.fileno()
    for call in (loop.add_reader, loop.add_writer):
        error = expect(RuntimeError, call, fd, int)
        assert "is used by transport" in str(error), f"it says {error}"
    expect(RuntimeError, loop.remove_reader, fd)
    transport.abort()
    peer.close()


@probe()
async def bad_descriptors(loop):
    """A negative or closed descriptor, and what is none, are refused"""
    receive, send = os.pipe()
    os.close(receive)
    os.close(send)
    expect(ValueError, loop.add_reader, -1, int)
    expect(ValueError, loop.add_reader, object(), int)
    expect(OSError, loop.add_reader, receive, int)


@probe()
async def files_refused(loop):
    """A regular file is refused by `add_reader` with PermissionError, as epoll does"""
    import sys

    if sys.platform != "linux":
        return
    with tempfile.TemporaryFile() as file:
        expect(PermissionError, loop.add_reader, file.fileno(), int)


@probe()
async def reader_removed_in_callback(loop):
    """A reader removed by another callback of the same turn is not called"""
    a, b = socket.socketpair()
    c, d = socket.socketpair()
    with a, b, c, d:
        seen = []

        def first(which):
            seen.append(which)
            loop.remove_reader(a.fileno())
            loop.remove_reader(c.fileno())

        loop.add_reader(a.fileno(), first, "a")
        loop.add_reader(c.fileno(), first, "c")
        b.send(b"x")
        d.send(b"x")
        await asyncio.sleep(0.005)
        assert len(seen) == 1, f"{len(seen)} were called"


@probe()
async def hang_up(loop):
    """A reader is called when the other end of its pipe closes"""
    receive, send = os.pipe()
    seen = []
    loop.add_reader(
        receive, lambda: (seen.append(os.read(receive, 1)), loop.remove_reader(receive))
    )
    os.close(send)
    await until(lambda: seen == [b""])
    os.close(receive)


@probe()
async def reused_number(loop):
    """A descriptor closed and opened again with the same number is watched anew"""
    for _ in range(3):
        a, b = socket.socketpair()
        with a, b:
            got = loop.create_future()
            loop.add_reader(
                a.fileno(), lambda a=a, got=got: got.done() or got.set_result(a.recv(1))
            )
            b.send(b"x")
            assert await asyncio.wait_for(got, 2) == b"x"
            loop.remove_reader(a.fileno())
