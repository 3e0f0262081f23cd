"""How a TLS connection ends: in order, half, without a word, too late, too early."""

import asyncio
import gc
import socket
import ssl
import struct
import warnings

import pytest

from ..support import PY311, Recorder, differential, until
from .puppet import Puppet, scene

pytestmark = pytest.mark.skipif(not PY311, reason="TLS of asyncio on CPython 3.10 is another one")


def test_close_without_a_goodbye(loop, server_context, client_context):
    async def main():
        async with scene(Recorder, server_context, client_context) as at:
            await at.puppet.send(at.puppet.records(b"last"))
            at.puppet.sock.shutdown(socket.SHUT_WR)
            assert await at.protocol.lost is None
            assert at.protocol.data == b"last"
            # asyncio tells of no end of data here either.
            assert at.protocol.events[-1] == ("lost", None)

    loop.run_until_complete(main())


def test_the_peer_ends_its_half(loop, server_context, client_context):
    """What `eof_received` writes still goes out; then the answer to a goodbye is a goodbye."""

    class Answers(Recorder):
        def eof_received(self):
            super().eof_received()
            self.transport.write(b"an answer")

    async def main():
        async with scene(Answers, server_context, client_context) as at:
            await at.puppet.send(at.puppet.goodbye())
            assert await at.protocol.lost is None
            while not at.puppet.ended:
                await at.puppet.receive()
            assert at.puppet.tls.read(100) == b"an answer"
            with pytest.raises(ssl.SSLZeroReturnError):
                at.puppet.tls.read(10)

    loop.run_until_complete(main())


def test_tcp_half_closed_with_paused_reading(loop, server_context, client_context):
    async def main():
        async with scene(Recorder, server_context, client_context) as at:
            at.protocol.transport.pause_reading()
            await at.puppet.send(at.puppet.records(b"kept", b"safe"))
            at.puppet.sock.shutdown(socket.SHUT_WR)
            await asyncio.sleep(0.02)
            assert at.protocol.events == ["made"]
            at.protocol.transport.resume_reading()
            assert await at.protocol.lost is None
            assert at.protocol.data == b"keptsafe"

    loop.run_until_complete(main())


def test_close_waits_for_the_goodbye_of_the_peer(loop, server_context, client_context):
    async def main():
        async with scene(Recorder, server_context, client_context) as at:
            transport = at.protocol.transport
            transport.write(b"bye")
            transport.close()
            assert transport.is_closing()
            assert await at.puppet.read(3) == b"bye"
            assert await at.puppet.call(at.puppet.tls.read, 10) == b""
            assert not at.protocol.lost.done()
            await at.puppet.send(at.puppet.goodbye())
            assert await at.protocol.lost is None

    loop.run_until_complete(main())


def test_data_after_close_is_an_error(loop, server_context, client_context):
    async def main():
        async with scene(Recorder, server_context, client_context) as at:
            at.protocol.transport.close()
            await asyncio.sleep(0.01)
            await at.puppet.send(at.puppet.records(b"more"))
            error = await at.protocol.lost
            assert isinstance(error, ssl.SSLError)
            assert not at.protocol.data

    loop.run_until_complete(main())


def test_shutdown_timeout(loop, server_context, client_context):
    async def main():
        options = {"ssl_shutdown_timeout": 0.05}
        async with scene(Recorder, server_context, client_context, **options) as at:
            started = loop.time()
            at.protocol.transport.close()
            error = await at.protocol.lost
            assert isinstance(error, TimeoutError)
            assert str(error) == "SSL shutdown timed out"
            assert 0.04 < loop.time() - started < 2

    loop.run_until_complete(main())


def test_shutdown_timeout_with_a_peer_that_does_not_read(loop, server_context, client_context):
    async def main():
        options = {"ssl_shutdown_timeout": 0.05}
        async with scene(Recorder, server_context, client_context, **options) as at:
            at.protocol.transport.write(b"x" * 20_000_000)
            at.protocol.transport.close()
            assert isinstance(await at.protocol.lost, TimeoutError)

    loop.run_until_complete(main())


@pytest.mark.parametrize("paused", [False, True])
def test_close_sends_what_the_peer_has_not_taken(loop, server_context, client_context, paused):
    async def main():
        async with scene(Recorder, server_context, client_context) as at:
            transport, sent = at.protocol.transport, 0
            chunk = bytes(range(256)) * 1024
            while "pause" not in at.protocol.events:
                transport.write(chunk)
                sent += len(chunk)
                await asyncio.sleep(0)
            if paused:
                transport.pause_reading()
            transport.write(b"the end")
            transport.close()
            received = await at.puppet.read(sent + 7)
            assert received == chunk * (sent // len(chunk)) + b"the end"
            if paused:
                transport.abort()
            else:
                assert await at.puppet.call(at.puppet.tls.read, 10) == b""
                await at.puppet.send(at.puppet.goodbye())
            assert await at.protocol.lost is None

    loop.run_until_complete(main())


def test_reset(loop, server_context, client_context):
    async def main():
        async with scene(Recorder, server_context, client_context) as at:
            linger = struct.pack("ii", 1, 0)
            at.puppet.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            at.puppet.close()
            assert isinstance(await at.protocol.lost, ConnectionResetError)

    loop.run_until_complete(main())


def test_abort_loses_nothing_that_was_written_before(loop, server_context, client_context):
    async def main():
        async with scene(Recorder, server_context, client_context) as at:
            at.protocol.transport.write(b"written")
            at.protocol.transport.abort()
            assert await at.puppet.read(7) == b"written"
            assert await at.protocol.lost is None

    loop.run_until_complete(main())


def handshake_scene(loop, body, sends=b""):
    """A client of ours whose server is a plain socket: `body(connecting, accepted socket)`."""

    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            made = []

            def factory():
                made.append(Recorder())
                return made[0]

            connecting = loop.create_task(
                loop.create_connection(
                    factory,
                    *listener.getsockname(),
                    ssl=context,
                    server_hostname="localhost",
                    ssl_handshake_timeout=0.1,
                )
            )
            sock, _ = await loop.sock_accept(listener)
            with sock:
                await loop.sock_recv(sock, 10)
                await loop.sock_sendall(sock, sends)
                await body(connecting, sock)
            await asyncio.sleep(0.01)
            assert made[0].events == []

    loop.run_until_complete(main())


def test_eof_during_the_handshake(loop):
    async def body(connecting, sock):
        sock.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionResetError):
            await connecting

    handshake_scene(loop, body)


@pytest.mark.parametrize("sends", [b"", b"\x16\x03", b"\x16\x03\x03\x40\x00half a record"])
def test_handshake_timeout(loop, sends):
    async def body(connecting, sock):
        with pytest.raises(ConnectionAbortedError) as caught:
            await connecting
        assert str(caught.value) == (
            "SSL handshake is taking longer than 0.1 seconds: aborting the connection"
        )

    handshake_scene(loop, body, sends)


def test_junk_during_the_handshake(loop):
    async def body(connecting, sock):
        with pytest.raises(ssl.SSLError):
            await connecting

    handshake_scene(loop, body, b"HTTP/1.0 400 Bad Request\r\n\r\n")


def test_cancelled_during_the_handshake(loop):
    async def body(connecting, sock):
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        # Its end of the connection is closed.
        data = b"x"
        while data:
            data = await loop.sock_recv(sock, 65536)

    handshake_scene(loop, body)


@pytest.mark.parametrize("name", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
@pytest.mark.parametrize("value", [0, -1.5])
def test_timeouts_must_be_positive(loop, client_context, name, value):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            with pytest.raises(
                ValueError, match=f"{name} should be a positive number, got {value}"
            ):
                await loop.create_connection(
                    Recorder,
                    *listener.getsockname(),
                    ssl=client_context,
                    server_hostname="localhost",
                    **{name: value},
                )

    loop.run_until_complete(main())


def test_a_client_that_the_server_refuses(loop, server_context, client_context, reports):
    """With TLS 1.3 the client has its connection before the server looks at its certificate."""
    server_context.verify_mode = ssl.CERT_REQUIRED

    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0, ssl=server_context)
        transport, client = await loop.create_connection(
            Recorder,
            *server.sockets[0].getsockname(),
            ssl=client_context,
            server_hostname="localhost",
        )
        transport.write(b"hello")
        error = await client.lost
        assert error is None or isinstance(error, (ssl.SSLError, ConnectionResetError))
        assert not client.data
        server.close()
        await server.wait_closed()
        await until(lambda: len(asyncio.all_tasks()) == 1)

    loop.run_until_complete(main())
    reports.clear()


def test_a_transport_that_is_dropped_open_is_warned_about(new_loop, server_context, client_context):
    kept = []

    async def main(loop):
        server = await loop.create_server(Recorder, "127.0.0.1", 0, ssl=server_context)
        puppet = await Puppet.connect(server.sockets[0].getsockname(), client_context)
        await asyncio.sleep(0.02)
        kept.append(puppet.sock)
        server.close()

    loop = new_loop()
    loop.run_until_complete(main(loop))
    loop.set_exception_handler(lambda *_: None)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # Recording the warnings would keep what they are about.
        warnings.showwarning = lambda message, *_, **__: found.append(str(message))
        loop.close()
        del loop
        gc.collect()
        gc.collect()
    kept[0].close()
    assert "unclosed transport <asyncio._SSLProtocolTransport object>" in found


def test_the_warning_comes_though_its_record_keeps_the_transport(
    new_loop, server_context, client_context
):
    async def main(loop):
        server = await loop.create_server(Recorder, "127.0.0.1", 0, ssl=server_context)
        address = server.sockets[0].getsockname()
        await loop.create_connection(Recorder, *address, ssl=client_context)
        await asyncio.sleep(0.02)
        server.close()

    loop = new_loop()
    loop.run_until_complete(main(loop))
    loop.set_exception_handler(lambda *_: None)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        loop.close()
        del loop
        gc.collect()
    told = [str(one.message) for one in found]
    # Two ends; what is told of once more is that of another test.
    assert told.count("unclosed transport <asyncio._SSLProtocolTransport object>") >= 2


@pytest.mark.parametrize("empty", [bytearray(), memoryview(bytearray()), b""], ids=type)
def test_a_protocol_that_lends_no_room(server_context, client_context, empty):
    """The connection ends, and the loop does not spin."""

    async def main(loop, log):
        class Full(asyncio.BufferedProtocol):
            def __init__(self):
                self.lent = 0
                self.lost = loop.create_future()

            def get_buffer(self, sizehint):
                self.lent += 1
                return empty

            def buffer_updated(self, count):
                log("updated", count)

            def connection_lost(self, error):
                self.lost.set_result(error)

        async def talk(reader, writer):
            writer.write(b"x" * 50_000)
            writer.close()

        server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=server_context)
        _, protocol = await loop.create_connection(
            Full, *server.sockets[0].getsockname(), ssl=client_context, server_hostname="localhost"
        )
        # With which error depends on how much had come by then.
        await asyncio.wait_for(protocol.lost, 5)
        log("lost", protocol.lent < 10)
        server.close()

    differential(main)


def test_what_was_written_before_a_bad_item_arrives(server_context, client_context):
    async def main(loop, log):
        received = []
        ended = loop.create_future()

        class Collects(asyncio.Protocol):
            def data_received(self, data):
                received.append(data)

            def connection_lost(self, error):
                ended.set_result(None)

        server = await loop.create_server(Collects, "127.0.0.1", 0, ssl=server_context)
        transport, _ = await loop.create_connection(
            asyncio.Protocol,
            *server.sockets[0].getsockname(),
            ssl=client_context,
            server_hostname="localhost",
        )
        for piece in (b"one ", bytearray(b"two "), memoryview(b"three")):
            transport.write(piece)
        transport.writelines([b"lost", "no bytes"])
        await asyncio.wait_for(ended, 5)
        log("received", b"".join(received))
        server.close()

    differential(main)
