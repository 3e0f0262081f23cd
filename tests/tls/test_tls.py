"""TLS: create_server and create_connection with ssl=, start_tls, and what goes wrong."""

import asyncio
import socket
import ssl

import pytest

from .. import connections
from ..connections import finish
from ..support import PY311, Recorder, checked_loop, until


class Echo(Recorder):
    def data_received(self, data):
        super().data_received(data)
        self.transport.write(data)


async def pair(loop, server_context, client_context, *classes, **options):
    options.setdefault("server_hostname", "localhost")
    return await connections.pair(
        loop, *classes, server_context=server_context, ssl=client_context, **options
    )


@pytest.mark.parametrize("size", [1, 100, 16384, 16385, 1_000_000, 5_000_000])
def test_echo(loop, server_context, client_context, size):
    payload = (bytes(range(256)) * (size // 256 + 1))[:size]

    async def main():
        peer, client, server = await pair(loop, server_context, client_context, Echo)
        client.transport.write(payload)
        await until(lambda: len(client.data) == size)
        assert client.data == payload
        client.transport.close()
        assert await client.lost is None
        await peer.lost
        assert peer.events[-1] == ("lost", None)
        await finish(server)

    loop.run_until_complete(main())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_extra_info(loop, server_context, client_context, version):
    client_context.minimum_version = client_context.maximum_version = version

    async def main():
        peer, client, server = await pair(loop, server_context, client_context)
        info = client.transport.get_extra_info
        assert isinstance(info("ssl_object"), (ssl.SSLObject, ssl.SSLSocket))
        assert info("ssl_object").version() == version.name.replace("_", ".")
        assert info("sslcontext") is client_context
        assert ("DNS", "localhost") in info("peercert")["subjectAltName"]
        assert info("cipher") == info("ssl_object").cipher()
        assert info("compression") is None
        assert info("peername") == server.sockets[0].getsockname()
        assert info("socket").family == socket.AF_INET
        assert info("nonsense", 3) == 3
        assert peer.transport.get_extra_info("peercert") in (None, {})
        assert isinstance(client.transport, asyncio.Transport)
        assert client.transport.get_protocol() is client
        assert client.transport.can_write_eof() is False
        with pytest.raises(NotImplementedError):
            client.transport.write_eof()
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_many_small_writes(loop, server_context, client_context):
    async def main():
        peer, client, server = await pair(loop, server_context, client_context)
        for i in range(3000):
            client.transport.write(b"%05d" % i)
        client.transport.writelines([b"the", b" ", b"end"])
        await until(lambda: len(peer.data) == 15_007)
        assert peer.data == b"".join(b"%05d" % i for i in range(3000)) + b"the end"
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_flow_control(loop, server_context, client_context):
    payload = b"z" * 3_000_000

    async def main():
        peer, client, server = await pair(loop, server_context, client_context)
        peer.transport.pause_reading()
        client.transport.set_write_buffer_limits(high=100_000, low=10_000)
        # The first write goes down to the socket's transport whole; what follows waits above it.
        sent = 0
        while "pause" not in client.events:
            client.transport.write(payload)
            sent += len(payload)
            assert sent < 50 * len(payload), "never told to pause"
        assert client.transport.get_write_buffer_size() > 100_000
        assert len(peer.data) < sent
        peer.transport.resume_reading()
        await until(lambda: len(peer.data) == sent)
        await until(lambda: client.events[-1] == "resume")
        assert peer.data == b"z" * sent
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_close_flushes(loop, server_context, client_context):
    async def main():
        peer, client, server = await pair(loop, server_context, client_context)
        client.transport.write(b"z" * 500_000)
        client.transport.close()
        assert client.transport.is_closing()
        await peer.lost
        assert len(peer.data) == 500_000
        await client.lost
        await finish(server)

    loop.run_until_complete(main())


def test_streams(loop, server_context, client_context):
    async def main():
        async def handle(reader, writer):
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=server_context)
        reader, writer = await asyncio.open_connection(
            *server.sockets[0].getsockname(), ssl=client_context, server_hostname="localhost"
        )
        for i in range(100):
            writer.write(b"line %d\n" % i)
            assert await reader.readline() == b"LINE %d\n" % i
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.01)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


def test_buffered_protocol(loop, server_context, client_context):
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self):
            self.buffer = bytearray(777)
            self.data = bytearray()
            self.made = asyncio.get_running_loop().create_future()
            self.lost = asyncio.get_running_loop().create_future()
            self.transport = None

        def connection_made(self, transport):
            self.transport = transport
            self.made.set_result(None)

        def get_buffer(self, hint):
            # Not the bytearray: CPython's own TLS slices what it gets, and a slice of that is a copy.
            return memoryview(self.buffer)

        def buffer_updated(self, count):
            self.data += self.buffer[:count]

        def connection_lost(self, error):
            self.lost.set_result(error)

    payload = bytes(range(256)) * 1000

    async def main():
        peer, client, server = await pair(loop, server_context, client_context, Buffered)
        client.transport.write(payload)
        await until(lambda: len(peer.data) == len(payload))
        assert peer.data == payload
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_wrong_host_name(loop, server_context, client_context, reports):
    async def main():
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await pair(loop, server_context, client_context, server_hostname="example.org")
        await asyncio.sleep(0.01)

    try:
        loop.run_until_complete(main())
    finally:
        _close_servers(loop)
    reports.clear()


def _close_servers(loop):
    import gc

    for one in gc.get_objects():
        if isinstance(one, asyncio.AbstractServer):
            one.close()


def test_untrusted_certificate(loop, server_context, reports):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0, ssl=server_context)
        address = server.sockets[0].getsockname()
        with pytest.raises(ssl.SSLCertVerificationError):
            await loop.create_connection(
                Recorder, *address, ssl=ssl.create_default_context(), server_hostname="localhost"
            )
        await asyncio.sleep(0.01)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
    # The server's side of the failure is reported in debug mode only, and then as an SSL error.
    reports.clear()


def test_plain_text_to_a_tls_server(loop, server_context, client_context, reports):
    made = []

    class Watches(Recorder):
        def connection_made(self, transport):
            made.append(1)

    async def main():
        server = await loop.create_server(Watches, "127.0.0.1", 0, ssl=server_context)
        address = server.sockets[0].getsockname()
        _, client = await loop.create_connection(Recorder, *address)
        client.transport.write(b"GET / HTTP/1.0\r\n\r\n")
        await client.lost
        # And the server still serves.
        _, good = await loop.create_connection(
            Recorder, *address, ssl=client_context, server_hostname="localhost"
        )
        good.transport.abort()
        await good.lost
        await asyncio.sleep(0.01)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
    assert len(made) <= 1
    reports.clear()


def test_handshake_timeout(loop, client_context, reports):
    async def main():
        async def silent(reader, writer):
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        with pytest.raises(
            ConnectionAbortedError, match="SSL handshake is taking longer than 0.01 seconds"
        ):
            await loop.create_connection(
                Recorder,
                *address,
                ssl=client_context,
                server_hostname="localhost",
                ssl_handshake_timeout=0.01,
            )
        await asyncio.sleep(0.01)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
    reports.clear()


def test_peer_vanishes_during_the_handshake(loop, client_context, reports):
    async def main():
        async def rude(reader, writer):
            await reader.read(10)
            writer.transport.abort()

        server = await asyncio.start_server(rude, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        with pytest.raises((ConnectionError, ssl.SSLError)):
            await loop.create_connection(
                Recorder, *address, ssl=client_context, server_hostname="localhost"
            )
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
    reports.clear()


def test_cancelled_handshake(loop, client_context, reports):
    async def main():
        async def silent(reader, writer):
            await reader.read()
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(
                loop.create_connection(
                    Recorder, *address, ssl=client_context, server_hostname="localhost"
                ),
                0.02,
            )
        await asyncio.sleep(0.01)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
    reports.clear()


def test_client_certificates(loop, authority, certificate, client_context):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("client@example.org").configure_cert(client_context)

    async def main():
        peer, client, server = await pair(loop, context, client_context)
        subject = peer.transport.get_extra_info("peercert")["subjectAltName"]
        assert ("email", "client@example.org") in subject
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_sni_and_alpn(loop, authority, server_context, client_context):
    seen = []
    server_context.sni_callback = lambda obj, name, context: seen.append(name)
    server_context.set_alpn_protocols(["h2", "http/1.1"])
    client_context.set_alpn_protocols(["http/1.1"])

    async def main():
        peer, client, server = await pair(loop, server_context, client_context)
        assert client.transport.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
        await finish(server, peer, client)

    loop.run_until_complete(main())
    assert seen == ["localhost"]


def test_start_tls(loop, server_context, client_context):
    async def main():
        upgraded = loop.create_future()

        class Server(Recorder):
            def data_received(self, data):
                super().data_received(data)
                if self.data == b"STARTTLS":
                    self.transport.write(b"OK")
                    self.data.clear()
                    loop.create_task(self.upgrade())
                elif hasattr(self, "plain") and self.transport is not self.plain:
                    self.transport.write(b"secret " + data)

            async def upgrade(self):
                self.plain = self.transport
                self.transport = await loop.start_tls(
                    self.transport, self, server_context, server_side=True
                )
                upgraded.set_result(self)

        server = await loop.create_server(Server, "127.0.0.1", 0)
        transport, client = await loop.create_connection(Recorder, *server.sockets[0].getsockname())
        transport.write(b"STARTTLS")
        await until(lambda: client.data == b"OK")
        client.data.clear()
        secure = await loop.start_tls(
            transport, client, client_context, server_hostname="localhost"
        )
        client.transport = secure
        peer = await upgraded
        assert client.events.count("made") == 1
        secure.write(b"hello")
        await until(lambda: peer.data == b"hello")
        peer.transport.write(b"x" * 300_000)
        await until(lambda: client.data.endswith(b"x" * 300_000))
        secure.close()
        await client.lost
        await peer.lost
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


@pytest.mark.skipif(not PY311, reason="StreamWriter.start_tls is new in CPython 3.11")
def test_stream_writer_start_tls(loop, server_context, client_context):
    async def main():
        done = asyncio.Event()

        async def handle(reader, writer):
            assert await reader.readline() == b"STARTTLS\n"
            writer.write(b"OK\n")
            await writer.drain()
            await writer.start_tls(server_context)
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()
            done.set()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"STARTTLS\n")
        assert await reader.readline() == b"OK\n"
        await writer.start_tls(client_context, server_hostname="localhost")
        writer.write(b"hello\n")
        assert await reader.readline() == b"HELLO\n"
        await done.wait()
        writer.close()
        try:
            await writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            pass
        await asyncio.sleep(0.01)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


def test_start_tls_arguments(loop):
    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0)
        transport, client = await loop.create_connection(Recorder, *server.sockets[0].getsockname())
        with pytest.raises(
            TypeError, match="sslcontext is expected to be an instance of ssl.SSLContext"
        ):
            await loop.start_tls(transport, client, None)
        with pytest.raises(TypeError, match="is not supported by start_tls"):
            await loop.start_tls(object(), client, ssl.create_default_context())
        transport.abort()
        await client.lost
        await asyncio.sleep(0.001)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


def test_many_connections_at_once(loop, server_context, client_context):
    async def main():
        server = await loop.create_server(Echo, "127.0.0.1", 0, ssl=server_context)
        address = server.sockets[0].getsockname()

        async def one(i):
            transport, client = await loop.create_connection(
                Recorder, *address, ssl=client_context, server_hostname="localhost"
            )
            body = b"%d" % i * 1000
            transport.write(body)
            await until(lambda: len(client.data) == len(body))
            assert client.data == body
            transport.close()
            await client.lost

        await asyncio.gather(*[one(i) for i in range(30)])
        await asyncio.sleep(0.02)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


def test_exceptions_from_the_protocol(loop, server_context, client_context, reports):
    class Raises(Recorder):
        def data_received(self, data):
            raise ValueError("boom")

    async def main():
        peer, client, server = await pair(loop, server_context, client_context, Raises)
        client.transport.write(b"x")
        await until(lambda: reports)
        assert any(isinstance(c.get("exception"), ValueError) for c in reports.take())
        await peer.lost
        await client.lost
        await finish(server)

    loop.run_until_complete(main())
    reports.clear()


def test_reset_by_peer(loop, server_context, client_context, reports):
    import struct

    async def main():
        peer, client, server = await pair(loop, server_context, client_context)
        peer.transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        peer.transport.abort()
        error = await client.lost
        assert error is None or isinstance(error, ConnectionResetError)
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())
    reports.clear()


def test_unix_socket(loop, server_context, client_context, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def main():
        server = await loop.create_unix_server(Echo, "s", ssl=server_context)
        transport, client = await loop.create_unix_connection(
            Recorder, "s", ssl=client_context, server_hostname="localhost"
        )
        transport.write(b"over a unix socket")
        await until(lambda: client.data == b"over a unix socket")
        transport.close()
        await client.lost
        await asyncio.sleep(0.01)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


def test_debug_mode(loop_name, server_context, client_context):
    with checked_loop(loop_name, debug=True) as (loop, reports):

        async def main():
            peer, client, server = await pair(loop, server_context, client_context, Echo)
            client.transport.write(b"x" * 100_000)
            await until(lambda: len(client.data) == 100_000)
            client.transport.close()
            await client.lost
            await peer.lost
            await finish(server)

        loop.slow_callback_duration = 10
        loop.run_until_complete(main())
