"""sendfile."""

import asyncio
import socket
from pathlib import Path

from registry import probe
from support import (
    Recorder,
    client_context,
    connected,
    expect_async,
    server_context,
    serving,
    until,
)

DATA = bytes(range(256)) * 2000


def a_file():
    Path("file").write_bytes(DATA)
    return open("file", "rb")


def read_all(peer):
    return b"".join(iter(lambda: peer.recv(1 << 20), b""))


@probe(issue="uvloop#228")
async def sendfile(loop):
    """`loop.sendfile` over TCP, from the kernel (`fallback=False`), with `offset` and `count`"""
    transport, _, peer = await connected(loop)
    reading = loop.run_in_executor(None, read_all, peer)
    with a_file() as file:
        sent = await loop.sendfile(transport, file, 10, 100_000, fallback=False)
        assert file.tell() == 100_010, f"the file is at {file.tell()}"
    transport.close()
    data = await reading
    peer.close()
    assert sent == 100_000 and data == DATA[10:100_010], f"{len(data)} bytes came"


@probe(issue="uvloop#228")
async def sendfile_over_tls(loop):
    """`loop.sendfile` over TLS, which falls back to reads and writes"""
    made = []
    server, address = await serving(
        loop, lambda: made.append(Recorder()) or made[-1], ssl=server_context()
    )
    transport, _ = await loop.create_connection(
        Recorder, *address, ssl=client_context(), server_hostname="localhost"
    )
    with a_file() as file:
        assert await loop.sendfile(transport, file) == len(DATA)
    await until(lambda: made[0].data == DATA)
    transport.close()
    server.close()


@probe(issue="uvloop#228")
async def sendfile_without_fallback(loop):
    """`loop.sendfile(fallback=False)` of what is no file of the system raises SendfileNotAvailableError"""
    import io

    transport, _, peer = await connected(loop)
    await expect_async(
        asyncio.SendfileNotAvailableError,
        loop.sendfile(transport, io.BytesIO(b"x"), fallback=False),
    )
    transport.abort()
    peer.close()


@probe(issue="uvloop#228")
async def sendfile_of_memory(loop):
    """`loop.sendfile` of a BytesIO falls back to reads and writes"""
    import io

    transport, _, peer = await connected(loop)
    with peer:
        assert await loop.sendfile(transport, io.BytesIO(b"hello")) == 5
        transport.close()
        assert await loop.run_in_executor(None, read_all, peer) == b"hello"


@probe(issue="uvloop#228")
async def sock_sendfile(loop):
    """`loop.sock_sendfile`, from the kernel and by the fallback"""
    import io

    a, b = socket.socketpair()
    a.setblocking(False)
    with b:
        reading = loop.run_in_executor(None, read_all, b)
        with a, a_file() as file:
            assert await loop.sock_sendfile(a, file, fallback=False) == len(DATA)
            assert await loop.sock_sendfile(a, io.BytesIO(b"hello")) == 5
        assert await reading == DATA + b"hello"


@probe(issue="uvloop#228")
async def sendfile_refuses(loop):
    """`sendfile` of a text file, a negative offset and on a closing transport raise asyncio's errors"""
    transport, _, peer = await connected(loop)
    a_file().close()
    with open("file", encoding="latin-1") as text:
        await expect_async(ValueError, loop.sendfile(transport, text))
    with open("file", "rb") as file:
        await expect_async(ValueError, loop.sendfile(transport, file, -1))
        transport.abort()
        await expect_async(RuntimeError, loop.sendfile(transport, file))
    peer.close()
