"""Unix sockets."""

import asyncio
import os
import socket
from pathlib import Path

from registry import probe
from support import Recorder, expect_async, until


@probe()
async def unix_connection(loop):
    """`create_unix_server` and `create_unix_connection`, with a path object too"""
    made = []
    server = await loop.create_unix_server(
        lambda: made.append(Recorder()) or made[-1], Path("a.sock")
    )
    transport, _ = await loop.create_unix_connection(Recorder, "a.sock")
    transport.write(b"x")
    await until(lambda: made and made[0].data == b"x")
    transport.close()
    server.close()


@probe()
async def abstract_names(loop):
    """Names in Linux's abstract namespace"""
    import sys

    if sys.platform != "linux":
        return
    name = f"\0probe-{os.getpid()}"
    server = await loop.create_unix_server(Recorder, name)
    transport, _ = await loop.create_unix_connection(Recorder, name)
    transport.close()
    server.close()


@probe()
async def stale_socket(loop):
    """A socket file that a dead server left is replaced, any other file is not"""
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind("a.sock")
    server = await loop.create_unix_server(Recorder, "a.sock")
    server.close()
    Path("file").write_text("precious")
    await expect_async(OSError, loop.create_unix_server(Recorder, "file"))
    assert Path("file").read_text() == "precious"


@probe(since=(3, 13))
async def cleanup_socket(loop):
    """Closing the server removes the socket file, unless `cleanup_socket=False`"""
    server = await loop.create_unix_server(Recorder, "a.sock")
    server.close()
    assert not os.path.exists("a.sock"), "it is left"
    server = await loop.create_unix_server(Recorder, "b.sock", cleanup_socket=False)
    server.close()
    assert os.path.exists("b.sock"), "it is removed"


@probe()
async def unix_given_socket(loop):
    """`create_unix_connection(sock=...)` on a socketpair"""
    a, b = socket.socketpair()
    a.setblocking(False)
    with b:
        transport, protocol = await loop.create_unix_connection(Recorder, sock=a)
        b.sendall(b"x")
        await until(lambda: protocol.data == b"x")
        transport.close()
        await protocol.lost


@probe()
async def unix_long_names(loop):
    """A path that is too long raises OSError"""
    await expect_async(OSError, loop.create_unix_connection(Recorder, "x" * 300))


@probe()
async def peer_credentials(loop):
    """SO_PEERCRED through the transport's socket"""
    if not hasattr(socket, "SO_PEERCRED"):
        return
    import struct

    a, b = socket.socketpair()
    a.setblocking(False)
    transport, _ = await loop.create_unix_connection(asyncio.Protocol, sock=a)
    sock = transport.get_extra_info("socket")
    pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    transport.close()
    b.close()
    assert uid == os.getuid(), f"the user is {uid}"
