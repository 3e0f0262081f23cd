"""TCP connections."""

import asyncio
import inspect
import socket

from registry import probe
from support import Recorder, connected, expect_async, serving, until


@probe(issue="uvloop#406")
async def happy_eyeballs(loop):
    """`create_connection` takes `happy_eyeballs_delay` and `interleave`"""
    server, address = await serving(loop)
    transport, _ = await loop.create_connection(
        Recorder, *address, happy_eyeballs_delay=0.1, interleave=1
    )
    transport.close()
    server.close()


@probe(issue="uvloop#406")
async def happy_eyeballs_goes_on(loop):
    """With happy eyeballs an address that refuses leads to the next one"""
    server, (host, port) = await serving(loop)
    real = socket.getaddrinfo

    def patched(*args, **options):
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.0.0.1", 1)), (*kind, ("127.0.0.1", port))]

    socket.getaddrinfo = patched
    try:
        transport, _ = await loop.create_connection(
            Recorder, "name.invalid", port, happy_eyeballs_delay=0.25
        )
    finally:
        socket.getaddrinfo = real
    assert transport.get_extra_info("peername") == ("127.0.0.1", port)
    transport.close()
    server.close()


@probe()
async def all_errors(loop):
    """`create_connection(all_errors=True)` raises an ExceptionGroup (3.12), without it OSError"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    await expect_async(OSError, loop.create_connection(Recorder, "127.0.0.1", port))
    if "all_errors" in inspect.signature(asyncio.SelectorEventLoop.create_connection).parameters:
        await expect_async(
            ExceptionGroup,  # noqa: F821
            loop.create_connection(Recorder, "127.0.0.1", port, all_errors=True),
        )


@probe()
async def refused_connection(loop):
    """A connection that is refused raises ConnectionRefusedError with the address in its text"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = await expect_async(
        ConnectionRefusedError, loop.create_connection(Recorder, "127.0.0.1", port)
    )
    assert str(port) in str(error), f"it says {error}"


@probe()
async def local_address(loop):
    """`local_addr` binds the connection"""
    server, address = await serving(loop)
    transport, _ = await loop.create_connection(Recorder, *address, local_addr=("127.0.0.1", 0))
    assert transport.get_extra_info("sockname")[0] == "127.0.0.1"
    transport.close()
    server.close()


@probe()
async def given_socket(loop):
    """`create_connection(sock=...)` takes a connected socket, and refuses one that is no stream"""
    server, address = await serving(loop)
    sock = socket.create_connection(address)
    sock.setblocking(False)
    transport, _ = await loop.create_connection(Recorder, sock=sock)
    assert transport.get_extra_info("peername")[:2] == address
    transport.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        await expect_async(ValueError, loop.create_connection(Recorder, sock=datagrams))
    server.close()


@probe()
async def no_delay(loop):
    """TCP_NODELAY is set on both ends of a connection, as asyncio sets it"""
    server, address = await serving(loop, lambda: made.append(Recorder()) or made[-1])
    made = []
    transport, _ = await loop.create_connection(Recorder, *address)
    await until(lambda: made and made[0].transport)
    for which, end in (("client", transport), ("server", made[0].transport)):
        sock = end.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), f"not on the {which}'s"
    transport.close()
    server.close()


@probe(since=(3, 13))
async def keep_alive(loop):
    """`create_server(keep_alive=True)` sets SO_KEEPALIVE"""
    made = []
    server, address = await serving(
        loop, lambda: made.append(Recorder()) or made[-1], keep_alive=True
    )
    listening = server.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    server.close()
    assert listening, "it is not set"


@probe()
async def keep_alive_default(loop):
    """SO_KEEPALIVE is off on a connection unless asked for, as with asyncio"""
    server, address = await serving(loop)
    transport, _ = await loop.create_connection(Recorder, *address)
    assert not transport.get_extra_info("socket").getsockopt(
        socket.SOL_SOCKET, socket.SO_KEEPALIVE
    ), "it is on"
    transport.close()
    server.close()


@probe()
async def reset(loop):
    """A reset by the peer is `connection_lost(ConnectionResetError)`"""
    import struct

    transport, protocol, peer = await connected(loop)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    error = await protocol.lost
    assert isinstance(error, ConnectionResetError), f"it is {error!r}"


@probe()
async def half_close(loop):
    """After `write_eof` the transport still reads; after the peer's end, with True from `eof_received`, it still writes"""
    transport, protocol, peer = await connected(loop, lambda: Recorder(keep_open=True))
    with peer:
        peer.sendall(b"ask")
        peer.shutdown(socket.SHUT_WR)
        await until(lambda: "eof" in protocol.events)
        transport.write(b"answer")
        transport.write_eof()
        await asyncio.sleep(0.005)
        assert peer.recv(100) == b"answer" and peer.recv(100) == b""
    transport.close()
    await protocol.lost


@probe()
async def write_after_eof(loop):
    """`write` after `write_eof` raises RuntimeError"""
    from support import expect

    transport, _, peer = await connected(loop)
    transport.write_eof()
    expect(RuntimeError, transport.write, b"x")
    transport.abort()
    peer.close()


@probe()
async def cancelled_connect(loop):
    """A connection attempt that is cancelled leaks no descriptor"""
    from support import open_fds

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.listen(100)
        before = open_fds()
        for _ in range(20):
            task = loop.create_task(loop.create_connection(Recorder, *listener.getsockname()))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()[0].abort()
        await asyncio.sleep(0.05)
        left = open_fds() - before
    assert len(left) < 10, f"{len(left)} are left of 20 attempts"


@probe()
async def ipv6_scope(loop):
    """An IPv6 connection has four parts in `sockname` and `peername`"""
    try:
        server = await loop.create_server(Recorder, "::1", 0)
    except OSError:
        return  # a system without IPv6
    transport, _ = await loop.create_connection(Recorder, *server.sockets[0].getsockname()[:2])
    for name in ("sockname", "peername"):
        assert len(transport.get_extra_info(name)) == 4, (
            f"{name} is {transport.get_extra_info(name)}"
        )
    transport.close()
    server.close()
