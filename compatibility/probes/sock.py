"""Sockets of one's own: the `sock_` methods."""

import asyncio
import socket

from registry import probe
from support import expect_async


def pair(kind=socket.SOCK_STREAM):
    a, b = socket.socketpair(type=kind)
    a.setblocking(False)
    b.setblocking(False)
    return a, b


def udp():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


@probe()
async def sock_recv_sendall(loop):
    """`sock_recv`, `sock_recv_into` and `sock_sendall`"""
    a, b = pair()
    with a, b:
        data = b"x" * 3_000_000

        async def read():
            got, buffer = await loop.sock_recv(b, 100), bytearray(1 << 20)
            while len(got) < len(data):
                count = await loop.sock_recv_into(b, buffer)
                got += buffer[:count]
            return got

        got, _ = await asyncio.gather(read(), loop.sock_sendall(a, data))
        assert got == data


@probe()
async def sock_connect_accept(loop):
    """`sock_connect` and `sock_accept`"""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as sock:
        listener.setblocking(False)
        sock.setblocking(False)
        accepting = asyncio.ensure_future(loop.sock_accept(listener))
        await loop.sock_connect(sock, listener.getsockname())
        peer, _ = await accepting
        assert peer.getpeername() == sock.getsockname() and not peer.getblocking()
        peer.close()


@probe()
async def sock_connect_by_name(loop):
    """`sock_connect` resolves a host's name"""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, ("localhost", listener.getsockname()[1]))


@probe(issue="uvloop#561", since=(3, 11))
async def sock_sendto_recvfrom(loop):
    """`sock_sendto` and `sock_recvfrom`"""
    with udp() as a, udp() as b:
        receiving = asyncio.ensure_future(loop.sock_recvfrom(b, 100))
        assert await loop.sock_sendto(a, b"hello", b.getsockname()) == 5
        assert await receiving == (b"hello", a.getsockname())


@probe(issue="uvloop#561", since=(3, 11))
async def sock_recvfrom_into(loop):
    """`sock_recvfrom_into`"""
    with udp() as a, udp() as b:
        buffer = bytearray(10)
        await loop.sock_sendto(a, b"hello", b.getsockname())
        assert await loop.sock_recvfrom_into(b, buffer) == (5, a.getsockname())
        assert buffer[:5] == b"hello"


@probe()
async def debug_refuses_blocking_sockets(loop):
    """In debug mode a blocking socket is refused with ValueError"""
    loop.set_debug(True)
    a, b = socket.socketpair()
    with a, b:
        for call in (
            lambda: loop.sock_recv(a, 1),
            lambda: loop.sock_recv_into(a, bytearray(1)),
            lambda: loop.sock_sendall(a, b"x"),
            lambda: loop.sock_accept(a),
            lambda: loop.sock_connect(a, "x"),
        ):
            await expect_async(ValueError, call())


@probe()
async def cancelled_recv(loop):
    """A `sock_recv` that is cancelled takes no data away from the next one"""
    a, b = pair()
    with a, b:
        task = asyncio.ensure_future(loop.sock_recv(b, 10))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await loop.sock_sendall(a, b"x")
        assert await asyncio.wait_for(loop.sock_recv(b, 10), 2) == b"x"


@probe()
async def sock_errors(loop):
    """A refused `sock_connect` raises ConnectionRefusedError, `sock_sendall` to nobody BrokenPipeError"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with socket.socket() as sock:
        sock.setblocking(False)
        await expect_async(ConnectionRefusedError, loop.sock_connect(sock, address))
    a, b = pair()
    b.close()
    with a:
        await expect_async(BrokenPipeError, loop.sock_sendall(a, b"x"))
