"""Datagrams."""

import asyncio
import socket

from registry import probe
from support import Datagrams, expect, expect_async, until


async def endpoint(loop, **options):
    options.setdefault("local_addr", ("127.0.0.1", 0))
    return await loop.create_datagram_endpoint(Datagrams, **options)


@probe(issue="rloop#25")
async def datagrams(loop):
    """`create_datagram_endpoint` sends and receives, unconnected"""
    a, _ = await endpoint(loop)
    b, protocol = await endpoint(loop)
    a.sendto(b"hello", b.get_extra_info("sockname"))
    await until(lambda: protocol.received)
    assert protocol.received == [(b"hello", a.get_extra_info("sockname"))]
    a.close()
    b.close()


@probe(since=(3, 12))
async def datagram_transport_class(loop):
    """The transport passes `isinstance` of `asyncio.DatagramTransport`"""
    a, _ = await endpoint(loop)
    a.close()
    assert isinstance(a, asyncio.DatagramTransport)


@probe(issue="uvloop#276")
async def connected_datagrams(loop):
    """`remote_addr` and `local_addr` together; `sendto` with another address raises ValueError"""
    b, protocol = await endpoint(loop)
    address = b.get_extra_info("sockname")
    a, _ = await endpoint(loop, remote_addr=address)
    a.sendto(b"1")
    a.sendto(b"2", address)
    await until(lambda: len(protocol.received) == 2)
    expect(ValueError, a.sendto, b"x", ("127.0.0.1", 1))
    a.close()
    b.close()


@probe()
async def large_datagrams(loop):
    """Datagrams of 65,507 bytes, the most that UDP takes"""
    a, _ = await endpoint(loop)
    b, protocol = await endpoint(loop)
    a.sendto(b"x" * 65507, b.get_extra_info("sockname"))
    await until(lambda: protocol.received)
    assert len(protocol.received[0][0]) == 65507, f"{len(protocol.received[0][0])} bytes came"
    a.close()
    b.close()


@probe(since=(3, 13))
async def empty_datagrams(loop):
    """Empty datagrams are sent and received"""
    a, _ = await endpoint(loop)
    b, protocol = await endpoint(loop)
    a.sendto(b"", b.get_extra_info("sockname"))
    await until(lambda: protocol.received)
    assert protocol.received[0][0] == b""
    a.close()
    b.close()


@probe()
async def empty_datagrams_received(loop):
    """Empty datagrams of others are received"""
    b, protocol = await endpoint(loop)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"", b.get_extra_info("sockname"))
    await until(lambda: protocol.received)
    b.close()


@probe()
async def error_received(loop):
    """A connected endpoint whose peer is gone hears `error_received(ConnectionRefusedError)`"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        address = sock.getsockname()
    a, protocol = await endpoint(loop, remote_addr=address)
    a.sendto(b"x")
    await until(lambda: protocol.errors, "it is not called")
    assert isinstance(protocol.errors[0], ConnectionRefusedError)
    a.close()


@probe()
async def too_large(loop):
    """A datagram that is too large is `error_received(OSError)`, and the transport goes on"""
    a, protocol = await endpoint(loop)
    b, other = await endpoint(loop)
    a.sendto(b"x" * 70000, b.get_extra_info("sockname"))
    a.sendto(b"y", b.get_extra_info("sockname"))
    await until(lambda: protocol.errors, "it is not called")
    await until(lambda: other.received, "the transport does not go on")
    a.close()
    b.close()


@probe(issue="uvloop#403")
async def unix_datagrams(loop):
    """AF_UNIX datagrams, with `local_addr` as a path and `sendto` to a path"""
    a, _ = await endpoint(loop, family=socket.AF_UNIX, local_addr="a.sock")
    b, protocol = await endpoint(loop, family=socket.AF_UNIX, local_addr="b.sock")
    a.sendto(b"hello", "b.sock")
    await until(lambda: protocol.received)
    assert protocol.received == [(b"hello", "a.sock")], f"received {protocol.received}"
    a.close()
    b.close()


@probe(issue="uvloop#304")
async def unix_datagram_pair(loop):
    """One end of a socketpair of AF_UNIX datagrams"""
    left, right = socket.socketpair(type=socket.SOCK_DGRAM)
    right.setblocking(False)
    b, protocol = await loop.create_datagram_endpoint(Datagrams, sock=right)
    with left:
        left.send(b"hello")
        await until(lambda: protocol.received)
    assert protocol.received[0][0] == b"hello"
    b.close()


@probe()
async def broadcast(loop):
    """`allow_broadcast` and `reuse_port` set their options"""
    a, _ = await endpoint(loop, allow_broadcast=True, reuse_port=True)
    sock = a.get_extra_info("socket")
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST), "SO_BROADCAST is not set"
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT), "SO_REUSEPORT is not set"
    a.close()


@probe()
async def datagrams_after_close(loop):
    """`sendto` and `abort` after `close` raise nothing"""
    a, protocol = await endpoint(loop)
    address = a.get_extra_info("sockname")
    a.close()
    a.sendto(b"x", address)
    a.abort()
    assert a.is_closing()
    await protocol.lost


@probe()
async def datagram_kinds(loop):
    """`sendto` takes bytes, bytearray and memoryview, and refuses str with TypeError"""
    a, _ = await endpoint(loop)
    b, protocol = await endpoint(loop)
    address = b.get_extra_info("sockname")
    for data in (b"a", bytearray(b"b"), memoryview(b"c")):
        a.sendto(data, address)
    expect(TypeError, a.sendto, "text", address)
    await until(lambda: len(protocol.received) == 3)
    a.close()
    b.close()


@probe()
async def datagram_refusals(loop):
    """`create_datagram_endpoint` refuses a stream socket, and no family at all, with ValueError"""
    await expect_async(ValueError, loop.create_datagram_endpoint(Datagrams))
    with socket.socket() as sock:
        sock.setblocking(False)
        await expect_async(ValueError, loop.create_datagram_endpoint(Datagrams, sock=sock))
