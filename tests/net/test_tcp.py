"""TCP connections: what a transport promises a protocol while it is open."""

import asyncio
import os
import socket

import pytest

from ..connections import finish, local, pair
from ..support import (
    PY311,
    Recorder,
    differential,
    until,
)


def test_echo(loop):
    class Echo(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.write(data)

    async def main():
        peer, client, server = await pair(loop, Echo)
        client.transport.write(b"hello")
        await until(lambda: client.data == b"hello")
        client.transport.close()
        assert await client.lost is None
        assert await peer.lost is None
        assert client.events == ["made", "data", ("lost", None)]
        assert peer.events == ["made", "data", "eof", ("lost", None)]
        await finish(server)

    loop.run_until_complete(main())


def test_data_is_bytes(loop):
    kinds = []

    class Kind(Recorder):
        def data_received(self, data):
            kinds.append(type(data))
            super().data_received(data)

    async def main():
        peer, client, server = await pair(loop, Kind)
        client.transport.write(bytearray(b"abc"))
        await until(lambda: peer.data == b"abc")
        await finish(server, peer, client)

    loop.run_until_complete(main())
    assert kinds == [bytes]


@pytest.mark.parametrize("size", [1, 1000, 65536, 262144, 262145, 3_000_000])
def test_sizes_arrive_whole_and_in_order(loop, size):
    payload = os.urandom(1024) * (size // 1024 + 1)
    payload = payload[:size]

    async def main():
        peer, client, server = await pair(loop)
        client.transport.write(payload)
        client.transport.write(b"!")
        await until(lambda: len(peer.data) == size + 1)
        assert peer.data == payload + b"!"
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_write_takes_what_asyncio_takes():
    async def scenario(loop, log):
        peer, client, server = await pair(loop)
        for data in (
            b"bytes",
            bytearray(b"array"),
            memoryview(b"view"),
            b"",
            memoryview(b"strided")[::1],
        ):
            log.attempt("write", client.transport.write, data)
        for data in ("text", None, 5, [1, 2], object()):
            log.attempt("write", client.transport.write, data)
        import array

        log.attempt("array", lambda: client.transport.write(memoryview(array.array("i", [1, 2]))))
        log.attempt(
            "writelines", client.transport.writelines, [b"a", bytearray(b"b"), memoryview(b"c")]
        )
        log.attempt("writelines", client.transport.writelines, iter([b"a", b"", b"b"]))
        log.attempt("writelines", client.transport.writelines, [])
        log.attempt("writelines", client.transport.writelines, ["text"])
        client.transport.write(b"end")
        await until(lambda: bytes(peer.data).endswith(b"end"))
        log("got", bytes(peer.data))
        await finish(server, peer, client)

    differential(scenario)


def test_a_view_with_holes():
    """It cannot be sent, which ends the connection; on one that has ended it is counted as every write."""

    async def scenario(loop, log):
        holes = memoryview(b"abcdef")[::2]
        loop.set_exception_handler(
            lambda loop, context: log(context["message"], context["exception"])
        )
        for method, data in (("write", holes), ("writelines", [b"x", holes])):
            peer, client, server = await pair(loop)
            log.attempt(method, getattr(client.transport, method), data)
            log(client.transport.is_closing(), client.transport._conn_lost)
            client.transport.write(holes[:0])
            client.transport.write(holes)
            log(client.transport._conn_lost, await client.lost, await peer.lost, bytes(peer.data))
            await finish(server)

    differential(scenario)


def test_get_extra_info(loop):
    async def main():
        peer, client, server = await pair(loop)
        info = client.transport.get_extra_info
        sock = info("socket")
        assert sock.family == socket.AF_INET and sock.type == socket.SOCK_STREAM
        assert sock.fileno() >= 0
        assert info("peername") == local(server)
        assert info("sockname") == sock.getsockname() == peer.transport.get_extra_info("peername")
        assert info("nonsense") is None
        assert info("nonsense", 5) == 5
        with pytest.raises(TypeError, match="unhashable type: 'list'"):
            info([])
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert peer.transport.get_extra_info("socket").getsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY
        )
        assert not hasattr(sock, "recv") or sock.gettimeout() == 0
        assert isinstance(client.transport, asyncio.Transport)
        assert isinstance(client.transport, asyncio.ReadTransport)
        assert isinstance(server, asyncio.AbstractServer)
        client.transport.close()
        assert info("peername") == local(server)
        assert info("socket") is not None
        await finish(server, client, peer)

    loop.run_until_complete(main())


def test_protocol_can_be_replaced(loop):
    async def main():
        peer, client, server = await pair(loop)
        assert client.transport.get_protocol() is client
        other = Recorder()
        other.transport = client.transport
        client.transport.set_protocol(other)
        assert client.transport.get_protocol() is other
        peer.transport.write(b"to the other")
        await until(lambda: other.data == b"to the other")
        assert client.data == b""
        client.transport.close()
        await other.lost
        assert client.events == ["made"]
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())


def test_pause_and_resume_reading(loop):
    async def main():
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        peer.transport.pause_reading()
        assert not peer.transport.is_reading()
        client.transport.write(b"waits")
        await asyncio.sleep(0.005)
        assert peer.data == b""
        peer.transport.resume_reading()
        peer.transport.resume_reading()
        await until(lambda: peer.data == b"waits")
        assert peer.transport.is_reading()
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_pause_from_within_data_received(loop):
    class Pauses(Recorder):
        count = 0

        def data_received(self, data):
            self.count += 1
            super().data_received(data)
            self.transport.pause_reading()

    async def main():
        peer, client, server = await pair(loop, Pauses)
        client.transport.write(b"a" * 2_000_000)
        await until(lambda: peer.count == 1)
        await asyncio.sleep(0.002)
        assert peer.count == 1
        while len(peer.data) < 2_000_000:
            count = peer.count
            peer.transport.resume_reading()
            await until(lambda count=count: peer.count > count)
            assert peer.count == count + 1
        await finish(server, peer, client)

    loop.run_until_complete(main())


@pytest.mark.skipif(not PY311, reason="CPython 3.10 reads although connection_made paused")
def test_pause_from_within_connection_made(loop):
    class Pauses(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.pause_reading()

    async def main():
        peer, client, server = await pair(loop, Pauses)
        client.transport.write(b"waits")
        await asyncio.sleep(0.005)
        assert peer.data == b""
        peer.transport.resume_reading()
        await until(lambda: peer.data == b"waits")
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_repr_of_a_transport():
    async def scenario(loop, log):
        peer, client, server = await pair(loop)
        log(repr(client.transport))
        peer.transport.pause_reading()
        client.transport.write(b"z" * 8_000_000)
        text = repr(client.transport)
        log(text.split("bufsize=")[0])
        client.transport.abort()
        log(repr(client.transport).split("bufsize=")[0])
        await client.lost
        log(repr(client.transport).split("bufsize=")[0])
        log(repr(server).split(" ")[0])
        peer.transport.resume_reading()
        await peer.lost
        await finish(server)
        log(repr(server))

    differential(scenario)
