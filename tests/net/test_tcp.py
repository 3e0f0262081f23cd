"""TCP: servers, connections, and what a transport promises a protocol."""

import asyncio
import contextlib
import errno
import os
import socket
import struct

import pytest

from ..support import (
    PY311,
    PY312,
    PY313,
    Recorder,
    collect,
    differential,
    new_event_loop,
    open_fds,
    run_script,
    turns,
    until,
)


def local(server):
    return server.sockets[0].getsockname()[:2]


async def pair(loop, server_class=Recorder, client_class=Recorder, **options):
    """A connected server-side and client-side protocol over TCP, and the server."""
    accepted = loop.create_future()

    def factory():
        protocol = server_class()
        if not accepted.done():
            accepted.set_result(protocol)
        return protocol

    server = await loop.create_server(factory, "127.0.0.1", 0)
    _, client = await loop.create_connection(client_class, *local(server), **options)
    peer = await accepted
    await peer.made
    return peer, client, server


async def finish(server, *protocols):
    for protocol in protocols:
        if protocol.transport is not None:
            protocol.transport.abort()
    for protocol in protocols:
        await protocol.lost
    server.close()
    await server.wait_closed()


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


def test_states_of_closing(loop):
    async def main():
        peer, client, server = await pair(loop)
        transport = client.transport
        assert not transport.is_closing()
        assert transport.is_reading()
        transport.close()
        assert transport.is_closing()
        assert not transport.is_reading()
        assert client.events == ["made"], "connection_lost is not called from within close()"
        transport.close()
        await client.lost
        transport.close()
        transport.abort()
        assert client.events == ["made", ("lost", None)]
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())


def test_close_flushes_what_was_written(loop):
    payload = b"z" * 4_000_000

    async def main():
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        client.transport.write(payload)
        client.transport.close()
        await asyncio.sleep(0.01)
        assert client.events == ["made", "pause"]
        peer.transport.resume_reading()
        await peer.lost
        assert len(peer.data) == len(payload)
        assert await client.lost is None
        assert client.events == ["made", "pause", "resume", ("lost", None)] or client.events == [
            "made",
            "pause",
            ("lost", None),
        ]
        await finish(server)

    loop.run_until_complete(main())


def test_abort_drops_what_was_written(loop):
    async def main():
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        client.transport.write(b"z" * 8_000_000)
        assert client.transport.get_write_buffer_size() > 0
        client.transport.abort()
        assert client.transport.get_write_buffer_size() == 0
        assert await client.lost is None
        peer.transport.resume_reading()
        await peer.lost
        assert len(peer.data) < 8_000_000
        await finish(server)

    loop.run_until_complete(main())


def test_nothing_arrives_after_close(loop):
    async def main():
        peer, client, server = await pair(loop)
        peer.transport.write(b"x" * 1000)
        client.transport.close()
        await client.lost
        assert client.data == b""
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())


def test_close_from_within_data_received(loop):
    class Closes(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.write(b"bye")
            self.transport.close()

    async def main():
        peer, client, server = await pair(loop, Closes)
        client.transport.write(b"hello")
        assert await client.lost is None
        assert client.data == b"bye"
        assert await peer.lost is None
        assert peer.events == ["made", "data", ("lost", None)]
        await finish(server)

    loop.run_until_complete(main())


def test_abort_from_within_data_received(loop):
    class Aborts(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.abort()

    async def main():
        peer, client, server = await pair(loop, Aborts)
        client.transport.write(b"x" * 100_000)
        await peer.lost
        await client.lost
        assert peer.events == ["made", "data", ("lost", None)]
        await finish(server)

    loop.run_until_complete(main())


def test_close_from_within_connection_made(loop):
    class Closes(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"greeting")
            transport.close()

    async def main():
        peer, client, server = await pair(loop, Closes)
        await client.lost
        await peer.lost
        assert client.data == b"greeting"
        assert peer.events == ["made", ("lost", None)]
        await finish(server)

    loop.run_until_complete(main())


def test_half_close_by_the_peer_closes_unless_kept(loop):
    async def main():
        peer, client, server = await pair(loop)
        assert client.transport.can_write_eof() is True
        client.transport.write(b"request")
        client.transport.write_eof()
        await peer.lost
        assert peer.events == ["made", "data", "eof", ("lost", None)]
        await client.lost
        assert client.events == ["made", "eof", ("lost", None)]
        await finish(server)

    loop.run_until_complete(main())


def test_half_close_kept_open(loop):
    class Keeps(Recorder):
        def eof_received(self):
            super().eof_received()
            return True

    async def main():
        peer, client, server = await pair(loop, Keeps, Keeps)
        client.transport.write_eof()
        await until(lambda: "eof" in peer.events)
        assert not peer.transport.is_closing()
        peer.transport.write(b"still here")
        await until(lambda: client.data == b"still here")
        peer.transport.write_eof()
        await until(lambda: "eof" in client.events)
        await asyncio.sleep(0)
        assert not client.transport.is_closing()
        client.transport.close()
        peer.transport.close()
        await client.lost
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())


def test_write_eof_waits_for_the_buffer(loop):
    payload = b"z" * 3_000_000

    async def main():
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        client.transport.write(payload)
        client.transport.write_eof()
        client.transport.write_eof()
        peer.transport.resume_reading()
        await peer.lost
        assert peer.data == payload
        await client.lost
        await finish(server)

    loop.run_until_complete(main())


def test_writes_that_come_too_late():
    async def scenario(loop, log):
        class Keeps(Recorder):
            def eof_received(self):
                return True

        peer, client, server = await pair(loop, Keeps)
        client.transport.write_eof()
        log.attempt("write after write_eof", client.transport.write, b"late")
        log.attempt("writelines after write_eof", client.transport.writelines, [b"late"])
        client.transport.close()
        log.attempt("write after close", client.transport.write, b"late")
        log.attempt("writelines after close", client.transport.writelines, [b"late"])
        log.attempt("write_eof after close", client.transport.write_eof)
        await client.lost
        log.attempt("pause_reading", client.transport.pause_reading)
        log.attempt("resume_reading", client.transport.resume_reading)
        log.attempt("size", client.transport.get_write_buffer_size)
        log.attempt("limits", client.transport.get_write_buffer_limits)
        log.attempt("is_reading", client.transport.is_reading)
        log.attempt("set limits", lambda: client.transport.set_write_buffer_limits(high=10))
        peer.transport.close()
        await peer.lost
        log(peer.events, client.events)
        await finish(server)

    differential(scenario)


def test_write_after_the_connection_was_lost(loop, caplog):
    """After five writes into the void asyncio logs a warning, and raises nothing."""

    async def main():
        peer, client, server = await pair(loop)
        client.transport.abort()
        await client.lost
        for _ in range(10):
            client.transport.write(b"x")
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())
    messages = [r.getMessage() for r in caplog.records if r.name == "asyncio"]
    assert messages == ["socket.send() raised exception."] * len(messages)
    assert len(messages) in (5, 6)


def reset(transport):
    """Close so that the peer gets a RST and not a FIN."""
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def test_reset_by_peer_while_reading(loop):
    async def main():
        peer, client, server = await pair(loop)
        reset(client.transport)
        error = await peer.lost
        assert isinstance(error, ConnectionResetError)
        assert error.errno == errno.ECONNRESET
        await client.lost
        await finish(server)

    loop.run_until_complete(main())


def test_reset_in_mid_write(loop):
    async def main():
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        client.transport.write(b"z" * 8_000_000)
        assert client.transport.get_write_buffer_size() > 0
        reset(peer.transport)
        error = await client.lost
        assert isinstance(error, (ConnectionResetError, BrokenPipeError))
        assert client.transport.get_write_buffer_size() == 0
        assert client.transport.is_closing()
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())


def test_connection_errors(loop):
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    sock.close()

    async def main():
        with pytest.raises(ConnectionRefusedError) as caught:
            await loop.create_connection(Recorder, "127.0.0.1", port)
        assert caught.value.errno == errno.ECONNREFUSED
        assert f"('127.0.0.1', {port})" in str(caught.value)
        with pytest.raises(socket.gaierror):
            await loop.create_connection(Recorder, "name.invalid", port)

    loop.run_until_complete(main())


def test_create_connection_arguments():
    async def scenario(loop, log):
        async def attempt(label, **options):
            try:
                await loop.create_connection(Recorder, **options)
            except Exception as error:
                log(label, error)
            else:
                log(label, "no error")

        one = socket.socket()
        one.setblocking(False)
        datagram = socket.socket(type=socket.SOCK_DGRAM)
        await attempt("nothing")
        await attempt("host and sock", host="127.0.0.1", port=1, sock=one)
        await attempt("datagram socket", sock=datagram)
        await attempt("server_hostname without ssl", host="127.0.0.1", port=1, server_hostname="x")
        await attempt("ssl without hostname", sock=one, ssl=True)
        await attempt(
            "handshake timeout without ssl", host="127.0.0.1", port=1, ssl_handshake_timeout=1
        )
        one.close()
        datagram.close()

    differential(scenario)


def test_create_server_arguments():
    async def scenario(loop, log):
        async def attempt(label, *args, **options):
            try:
                server = await loop.create_server(*args, **options)
            except Exception as error:
                log(label, error)
            else:
                log(label, "no error")
                server.close()

        one = socket.socket()
        datagram = socket.socket(type=socket.SOCK_DGRAM)
        await attempt("nothing", Recorder)
        await attempt("host and sock", Recorder, "127.0.0.1", 0, sock=one)
        await attempt("datagram", Recorder, sock=datagram)
        await attempt("ssl is True", Recorder, "127.0.0.1", 0, ssl=True)
        await attempt("bad ssl", Recorder, "127.0.0.1", 0, ssl=5)
        await attempt("handshake timeout", Recorder, "127.0.0.1", 0, ssl_handshake_timeout=1)
        await attempt("bad port", Recorder, "127.0.0.1", 70000)
        await attempt("bad host", Recorder, "name.invalid", 0)
        await attempt("not mine", Recorder, "192.0.2.1", 0)
        taken = await loop.create_server(Recorder, "127.0.0.1", 0)
        await attempt("in use", Recorder, "127.0.0.1", local(taken)[1])
        taken.close()
        one.close()
        datagram.close()

    differential(scenario)


def test_create_server_on_several_hosts(loop):
    async def main():
        server = await loop.create_server(Recorder, ["127.0.0.1", "::1", "localhost"], 0)
        families = sorted({int(s.family) for s in server.sockets})
        assert socket.AF_INET in families
        server.close()
        await server.wait_closed()
        server = await loop.create_server(Recorder, None, 0)
        assert server.sockets
        server.close()
        server = await loop.create_server(Recorder, "", 0, family=socket.AF_INET)
        assert [s.family for s in server.sockets] == [socket.AF_INET]
        server.close()

    loop.run_until_complete(main())


def test_create_server_with_a_socket(loop):
    async def main():
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        server = await loop.create_server(Recorder, sock=sock, backlog=5)
        _, client = await loop.create_connection(Recorder, *sock.getsockname())
        client.transport.close()
        await client.lost
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.001)
        assert sock.fileno() == -1

    loop.run_until_complete(main())


def test_create_connection_with_a_socket_and_local_addr(loop):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0)
        sock = socket.create_connection(local(server))
        sock.setblocking(False)
        transport, client = await loop.create_connection(Recorder, sock=sock)
        assert transport.get_extra_info("socket").fileno() == sock.fileno()
        client.transport.close()
        await client.lost
        transport, client = await loop.create_connection(
            Recorder, *local(server), local_addr=("127.0.0.1", 0)
        )
        assert transport.get_extra_info("sockname")[0] == "127.0.0.1"
        client.transport.close()
        await client.lost
        await asyncio.sleep(0.001)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


def test_connect_accepted_socket(loop):
    async def main():
        listener = socket.create_server(("127.0.0.1", 0))
        outer = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        accepted.setblocking(False)
        transport, protocol = await loop.connect_accepted_socket(Recorder, accepted)
        outer.sendall(b"hi")
        await until(lambda: protocol.data == b"hi")
        outer.close()
        await protocol.lost
        listener.close()

    loop.run_until_complete(main())


def test_reuse_port(loop):
    async def main():
        first = await loop.create_server(Recorder, "127.0.0.1", 0, reuse_port=True)
        second = await loop.create_server(Recorder, *local(first), reuse_port=True)
        assert local(first) == local(second)
        assert first.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
        first.close()
        second.close()

    loop.run_until_complete(main())


@pytest.mark.skipif(not PY313, reason="create_server(keep_alive=) is new in CPython 3.13")
def test_keep_alive(loop):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0, keep_alive=True)
        assert server.sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        server.close()

    loop.run_until_complete(main())


def test_listening_sockets_options(loop):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0)
        sock = server.sockets[0]
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        assert os.get_inheritable(sock.fileno()) is False
        assert server.get_loop() is loop
        server.close()
        assert server.sockets == ()

    loop.run_until_complete(main())


def test_start_serving_and_is_serving(loop):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0, start_serving=False)
        assert not server.is_serving()
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(Recorder, *local(server))
        await server.start_serving()
        await server.start_serving()
        assert server.is_serving()
        _, client = await loop.create_connection(Recorder, *local(server))
        client.transport.close()
        await client.lost
        await asyncio.sleep(0.001)
        server.close()
        assert not server.is_serving()
        with pytest.raises((RuntimeError, TypeError)):
            await server.start_serving()

    loop.run_until_complete(main())


def test_serve_forever(loop):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0, start_serving=False)
        task = asyncio.ensure_future(server.serve_forever())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert server.is_serving()
        with pytest.raises(RuntimeError, match="is already being awaited on serve_forever"):
            await server.serve_forever()
        _, client = await loop.create_connection(Recorder, *local(server))
        client.transport.close()
        await client.lost
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not server.is_serving()

    loop.run_until_complete(main())


def test_server_as_a_context_manager(loop):
    async def main():
        async with await loop.create_server(Recorder, "127.0.0.1", 0) as server:
            assert server.is_serving()
        assert not server.is_serving()
        assert server.sockets == ()

    loop.run_until_complete(main())


@pytest.mark.skipif(not PY312, reason="wait_closed waits for connections since CPython 3.12")
def test_wait_closed_waits_for_connections(loop):
    async def main():
        peer, client, server = await pair(loop)
        server.close()
        waiter = asyncio.ensure_future(server.wait_closed())
        await asyncio.sleep(0.002)
        assert not waiter.done()
        client.transport.close()
        await waiter
        assert peer.events[-1] == ("lost", None)
        await client.lost

    loop.run_until_complete(main())


@pytest.mark.skipif(not PY313, reason="Server.close_clients is new in CPython 3.13")
@pytest.mark.parametrize("how", ["close_clients", "abort_clients"])
def test_close_and_abort_clients(loop, how):
    async def main():
        peer, client, server = await pair(loop)
        server.close()
        getattr(server, how)()
        await peer.lost
        await client.lost
        await server.wait_closed()

    loop.run_until_complete(main())


def test_close_of_a_server_keeps_its_connections(loop):
    async def main():
        peer, client, server = await pair(loop)
        server.close()
        client.transport.write(b"still")
        await until(lambda: peer.data == b"still")
        client.transport.close()
        await peer.lost
        await client.lost
        await server.wait_closed()

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


def test_many_connections_at_once(loop):
    class Echo(Recorder):
        def data_received(self, data):
            self.transport.write(data)

    async def main():
        server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=200)
        pairs = await asyncio.gather(
            *[loop.create_connection(Recorder, *local(server)) for _ in range(150)]
        )
        for i, (transport, _) in enumerate(pairs):
            transport.write(b"%d" % i)
        await until(lambda: all(p.data == b"%d" % i for i, (_, p) in enumerate(pairs)))
        for transport, protocol in pairs:
            transport.close()
        for _, protocol in pairs:
            await protocol.lost
        server.close()
        await asyncio.sleep(0.01)
        await server.wait_closed()

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


def test_an_unclosed_transport_warns(loop):
    import gc

    listener = socket.create_server(("127.0.0.1", 0))
    transport, _ = loop.run_until_complete(
        loop.create_connection(asyncio.Protocol, *listener.getsockname())
    )
    listener.close()
    loop.close()
    with pytest.warns(ResourceWarning, match="unclosed transport"):
        del transport
        gc.collect()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("count", [1, 3])
def test_a_loop_that_closes_right_after_it_accepted(loop_name, count):
    """The connection has no protocol yet, so nobody else closes it: its peer sees the end, no descriptor is left."""
    before = open_fds()
    loop = new_event_loop(loop_name)
    loop.set_exception_handler(lambda *_: None)
    server = loop.run_until_complete(loop.create_server(asyncio.Protocol, "127.0.0.1", 0))
    turns(loop)
    peers = [socket.create_connection(server.sockets[0].getsockname()) for _ in range(count)]
    turns(loop)  # accepts
    server.close()
    loop.close()
    del loop, server
    collect()
    for peer in peers:
        peer.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert peer.recv(1) == b""
        peer.close()
    assert {fd for fd, what in open_fds().items() if before.get(fd) != what} == set()


@pytest.mark.parametrize("warnings", ["default", "ignore"])
def test_transports_that_are_open_at_the_interpreters_exit(loop_name, warnings):
    """They warn, as everywhere, and say nothing else."""
    source = """
        import asyncio, socket
        from loop_under_test import new_event_loop

        loop = new_event_loop()

        async def main():
            server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
            client = socket.create_connection(server.sockets[0].getsockname())
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            connected = await loop.connect_accepted_socket(asyncio.Protocol, ours)
            await asyncio.sleep(0.01)
            return server, client, theirs, connected

        held = loop.run_until_complete(main())
        """
    result = run_script(loop_name, source, python=("-W", warnings))
    assert result.returncode == 0
    if warnings == "ignore":
        assert result.stderr == ""
    else:
        assert result.stderr.count("ResourceWarning: unclosed transport") >= 2
        assert "ignored" not in result.stderr


@pytest.mark.parametrize("asked_before", [True, False])
def test_the_socket_is_shown_after_the_end(loop, asked_before):
    async def main():
        peer, client, server = await pair(loop)
        if asked_before:
            client.transport.get_extra_info("socket")
        await finish(server, peer, client)
        sock = client.transport.get_extra_info("socket")
        kind = f"family={socket.AF_INET!s}, type={socket.SOCK_STREAM!s}, proto=6"
        assert repr(sock) == f"<asyncio.TransportSocket fd=-1, {kind}>"
        assert (sock.fileno(), sock.family) == (-1, socket.AF_INET)
        with pytest.raises(OSError, match="Bad file descriptor"):
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    loop.run_until_complete(main())


@pytest.mark.parametrize("fails", [False, True])
def test_the_descriptor_was_closed_by_somebody_else(loop, reports, fails):
    """Nothing is lost on the way: the protocol is told, and what closing raises is reported."""

    class Client(Recorder):
        def connection_lost(self, exception):
            super().connection_lost(exception)
            if fails:
                raise ValueError("lost")

    async def main():
        peer, client, server = await pair(loop, client_class=Client)
        os.close(client.transport.get_extra_info("socket").fileno())
        client.transport.abort()
        await client.lost
        await finish(server, peer)

    loop.run_until_complete(main())
    (report,) = reports.take()
    assert report["message"].startswith(
        "Exception in callback _SelectorSocketTransport._call_connection_lost("
    )
    assert report["exception"].errno == errno.EBADF
    assert isinstance(report["exception"].__context__, ValueError) == fails


def test_debug_mode_logs_new_connections(loop, caplog):
    loop.set_debug(True)
    caplog.set_level("DEBUG", "asyncio")

    async def main():
        peer, client, server = await pair(loop)
        expected = [repr(server), client.transport.get_extra_info("sockname")]
        fd = peer.transport.get_extra_info("socket").fileno()
        await finish(server, peer, client)
        return [*expected, f"<socket.socket fd={fd}, family="]

    server, peer, sock = loop.run_until_complete(main())
    # The text, since it was put together when there was a socket.
    assert caplog.text.count("got a new connection") == 1
    assert f"{server} got a new connection from {peer}: {sock}" in caplog.text


def test_no_descriptor_is_left_for_a_loop(loop_name):
    done = run_script(
        loop_name,
        """
        import resource
        from loop_under_test import new_event_loop
        new_event_loop().close()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            new_event_loop()
        except OSError as error:
            print(repr(error), error.errno)
        """,
    )
    assert done.stdout == "OSError(24, 'Too many open files') 24\n"
