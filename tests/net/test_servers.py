"""Servers: how they and their connections are made, listen, accept and close."""

import asyncio
import contextlib
import os
import socket

import pytest

from ..connections import finish, local, pair
from ..support import (
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


@pytest.mark.parametrize("debug", [False, True])
def test_closed_while_connections_come_in(debug):
    """asyncio keeps silent of connections that their server cannot take any more, but in debug mode."""

    async def scenario(loop, log):
        loop.set_debug(debug)
        reports = []
        loop.set_exception_handler(lambda _, context: reports.append(context))

        made = []

        def close_and_make():
            server.close()
            made.append(Recorder())
            return made[-1]

        server = await loop.create_server(close_and_make, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        with socket.create_connection(address), socket.create_connection(address):
            await until(lambda: made)
            for _ in range(5):
                await asyncio.sleep(0)
        log([(report["message"], type(report["exception"])) for report in reports])
        reports.clear()
        loop.set_exception_handler(None)

    differential(scenario)


def test_a_server_closed_while_a_connection_waits():
    """Whoever has the number of its socket then keeps the connections that come for it."""

    async def scenario(loop, log):
        loop.set_exception_handler(lambda loop, context: log("handler", context["message"]))
        old = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        number = old.sockets[0].fileno()
        client = socket.create_connection(old.sockets[0].getsockname())
        others = []

        def swap():
            old.close()
            others.append(socket.create_server(("127.0.0.1", 0)))
            others.append(socket.create_connection(others[0].getsockname()))

        loop.call_soon(swap)
        await asyncio.sleep(0.05)
        other, caller = others
        log(other.fileno() == number)
        other.settimeout(10)
        accepted, address = other.accept()
        log(address == caller.getsockname())
        for sock in (accepted, *others, client):
            sock.close()
        await old.wait_closed()

    differential(scenario)
