"""What transports, servers and handles pass for, and what mocks may do to them."""

import asyncio
import socket
from unittest import mock

import pytest

from ..connections import finish, pair
from ..support import PY312, Recorder, differential, until


def test_classes_of_transports(tmp_path):
    async def scenario(loop, log):
        def look(label, value):
            log(
                label,
                [
                    name
                    for name in (
                        "BaseTransport",
                        "ReadTransport",
                        "WriteTransport",
                        "Transport",
                        "DatagramTransport",
                        "SubprocessTransport",
                        "AbstractServer",
                        "Server",
                        "Handle",
                        "TimerHandle",
                    )
                    if isinstance(value, getattr(asyncio, name))
                ],
            )

        peer, client, server = await pair(loop)
        look("client", client.transport)
        look("accepted", peer.transport)
        look("server", server)
        await finish(server, peer, client)
        made = []
        path = str(tmp_path / "socket")
        server = await loop.create_unix_server(lambda: made.append(1) or Recorder(), path)
        _, client = await loop.create_unix_connection(Recorder, path)
        await until(lambda: made)
        look("unix client", client.transport)
        look("unix server", server)
        await finish(server, client)
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
        )
        look("datagrams", transport)
        transport.close()
        process, _ = await loop.subprocess_exec(asyncio.SubprocessProtocol, "true")
        look("process", process)
        look("its input", process.get_pipe_transport(0))
        look("its output", process.get_pipe_transport(1))
        await process._wait()
        process.close()
        handle = loop.call_soon(print)
        timer = loop.call_later(100, print)
        look("handle", handle)
        look("timer", timer)
        handle.cancel()
        timer.cancel()
        await asyncio.sleep(0.001)

    differential(scenario)


def test_names_that_libraries_read_off_a_server():
    """Names such as websockets, uvicorn and aiohttp read (uvloop #605, #702)."""

    async def scenario(loop, log):
        server = await loop.create_server(
            Recorder, "127.0.0.1", 0, backlog=7, ssl_handshake_timeout=None
        )
        names = ["_loop", "_sockets", "_ssl_context", "_backlog", "_protocol_factory", "_serving"]
        names += ["_ssl_handshake_timeout", "_waiters", "_serving_forever_fut"]
        for name in names:
            value = getattr(server, name)
            log(name, type(value).__name__ if name in ("_loop", "_protocol_factory") else value)
        log(type(server).__name__, [type(sock).__name__ for sock in server.sockets])
        log(type(server.sockets).__name__, server.sockets is server.sockets)
        log(server._sockets[0].fileno() == server.sockets[0].fileno())
        log(repr(server).replace(str(server.sockets[0].getsockname()[1]), "PORT"))
        server.close()
        log(server.sockets, server._sockets)
        await server.wait_closed()

    differential(scenario)


@pytest.mark.parametrize("name", ["write", "writelines", "close", "abort", "pause_reading"])
def test_a_method_of_a_transport_can_be_replaced(loop, name):
    async def main():
        peer, client, server = await pair(loop)
        transport = client.transport
        with mock.patch.object(transport, name) as replaced:
            getattr(transport, name)("anything")
        replaced.assert_called_once_with("anything")
        transport.write(b"real")
        await finish(server, peer, client)
        spy = mock.Mock(wraps=transport.is_closing)
        transport.is_closing = spy
        assert transport.is_closing() is True
        del transport.is_closing
        assert transport.is_closing() is True
        spy.assert_called_once_with()

    loop.run_until_complete(main())


def test_streams_use_the_replaced_write(loop):
    async def main():
        peer, client, server = await pair(loop)
        transport = client.transport
        writer = asyncio.StreamWriter(transport, client, None, loop)
        with mock.patch.object(transport, "write", autospec=True) as write:
            writer.write(b"seen by the mock")
        write.assert_called_once_with(b"seen by the mock")
        writer.write(b"sent")
        while len(peer.data) < 4:
            await asyncio.sleep(0.001)
        assert peer.data == b"sent"
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_attributes_of_ones_own(loop):
    async def main():
        peer, client, server = await pair(loop)
        for thing in (client.transport, server):
            thing.note = "kept"
            assert thing.note == "kept"
            assert vars(thing)["note"] == "kept"
            del thing.note
            with pytest.raises(AttributeError, match="note"):
                thing.note  # noqa: B018
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_mocks_that_copy_a_signature(loop):
    async def main():
        peer, client, server = await pair(loop)
        for thing in (client.transport, type(client.transport), server):
            copy = mock.create_autospec(thing)
            assert callable(copy.close)
        copy = mock.create_autospec(client.transport, instance=True)
        copy.write(b"x")
        with pytest.raises(AttributeError):
            copy.no_such_method()
        assert isinstance(copy, asyncio.Transport)
        await finish(server, peer, client)
        copy = mock.create_autospec(loop)
        copy.call_soon(print)
        assert isinstance(copy, asyncio.AbstractEventLoop)

    loop.run_until_complete(main())


def test_the_socket_shown(loop):
    """Shut down, options and names work on it as on asyncio's (uvloop #241)."""

    async def main():
        peer, client, server = await pair(loop)
        sock = client.transport.get_extra_info("socket")
        assert isinstance(sock, asyncio.trsock.TransportSocket)
        assert sock.family == socket.AF_INET
        assert sock.type == socket.SOCK_STREAM
        assert sock.proto in (0, socket.IPPROTO_TCP)
        assert sock.gettimeout() == 0
        sock.settimeout(0)
        sock.setblocking(False)
        for blocking in (lambda: sock.settimeout(1), lambda: sock.setblocking(True)):
            with pytest.raises(ValueError, match="transport sockets"):
                blocking()
        assert sock.getpeername() == client.transport.get_extra_info("peername")
        with sock.dup() as other:
            assert other.getsockname() == sock.getsockname()
        with pytest.raises(TypeError):
            sock.__getstate__()
        sock.shutdown(socket.SHUT_WR)
        await peer.lost
        assert peer.events == ["made", "eof", ("lost", None)]
        await finish(server, client)

    loop.run_until_complete(main())


def test_the_peers_name_after_it_has_left(loop):
    """`accept` gave it, so a peer that is gone by then has one too (uvloop #560)."""

    async def main():
        names = []

        class Names(Recorder):
            def connection_made(self, transport):
                super().connection_made(transport)
                names.append(transport.get_extra_info("peername"))

        server = await loop.create_server(Names, "127.0.0.1", 0)
        expected = []
        for _ in range(20):
            with socket.create_connection(server.sockets[0].getsockname()) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                expected.append(sock.getsockname())
        while len(names) < 20:
            await asyncio.sleep(0.001)
        assert sorted(names) == sorted(expected)
        server.close()
        await asyncio.sleep(0.01)

    loop.run_until_complete(main())


@pytest.mark.skipif(not PY312, reason="wait_closed waits for connections since CPython 3.12")
def test_a_server_collects_no_protocol_after_its_end(loop):
    async def main():
        peer, client, server = await pair(loop)
        waiting = asyncio.ensure_future(server.wait_closed())
        server.close()
        await asyncio.sleep(0)
        assert not waiting.done()
        client.transport.close()
        await waiting
        assert peer.lost.done()
        await client.lost

    loop.run_until_complete(main())
