"""TLS."""

import asyncio
import socket
import ssl
import threading

from registry import probe
from support import Recorder, client_context, expect_async, server_context, serving, until


async def tls_pair(loop, **options):
    """The two ends of a TLS connection, both the loop's: the server, its transport's protocol, transport, protocol."""
    made = []
    server, address = await serving(
        loop, lambda: made.append(Recorder()) or made[-1], ssl=server_context()
    )
    transport, protocol = await loop.create_connection(
        Recorder, *address, ssl=client_context(), server_hostname="localhost", **options
    )
    await until(lambda: made and made[0].transport)
    return server, made[0], transport, protocol


@probe(issue="rloop#24")
async def tls_connection(loop):
    """`create_connection(ssl=...)` and `create_server(ssl=...)`"""
    server, made, transport, _ = await tls_pair(loop)
    transport.write(b"x" * 100_000)
    await until(lambda: len(made.data) == 100_000)
    transport.close()
    server.close()


@probe(issue="rloop#24")
async def start_tls(loop):
    """`loop.start_tls` on both ends of a connection"""
    made = []
    server, address = await serving(loop, lambda: made.append(Recorder()) or made[-1])
    transport, protocol = await loop.create_connection(Recorder, *address)
    await until(lambda: made and made[0].transport)
    upgraded, _ = await asyncio.gather(
        loop.start_tls(transport, protocol, client_context(), server_hostname="localhost"),
        loop.start_tls(made[0].transport, made[0], server_context(), server_side=True),
    )
    upgraded.write(b"x")
    await until(lambda: made[0].data == b"x")
    upgraded.close()
    server.close()


@probe(since=(3, 11))
async def writer_start_tls(loop):
    """`StreamWriter.start_tls`"""

    async def serve(reader, writer):
        await writer.start_tls(server_context())
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    await writer.start_tls(client_context(), server_hostname="localhost")
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    writer.close()
    server.close()


@probe()
async def tls_extra_info(loop):
    """`'ssl_object'`, `'peercert'`, `'cipher'`, `'sslcontext'` and `'socket'` of a TLS transport"""
    server, _, transport, _ = await tls_pair(loop)
    for name in ("ssl_object", "peercert", "cipher", "sslcontext", "socket", "peername"):
        assert transport.get_extra_info(name) is not None, f"{name} is None"
    assert isinstance(transport.get_extra_info("ssl_object"), ssl.SSLObject)
    transport.close()
    server.close()


@probe()
async def untrusted(loop):
    """A certificate that is not trusted, or for another name, raises SSLCertVerificationError"""
    server, address = await serving(loop, ssl=server_context())
    for context, name in (
        (ssl.create_default_context(), "localhost"),
        (client_context(), "other.invalid"),
    ):
        await expect_async(
            ssl.SSLCertVerificationError,
            loop.create_connection(Recorder, *address, ssl=context, server_hostname=name),
        )
    server.close()


@probe(issue="uvloop#471")
async def no_close_notify(loop):
    """A TLS peer that ends without close_notify is an end of file, not an error"""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        sock, _ = listener.accept()
        tls = server_context().wrap_socket(sock, server_side=True)
        tls.sendall(b"bye")
        tls.recv(10)
        tls.close()

    thread = threading.Thread(target=serve)
    thread.start()
    transport, protocol = await loop.create_connection(
        Recorder, *listener.getsockname(), ssl=client_context(), server_hostname="localhost"
    )
    transport.write(b"go")
    error = await protocol.lost
    thread.join()
    listener.close()
    assert protocol.data == b"bye" and error is None, f"connection_lost got {error!r}"


@probe(since=(3, 11))
async def tls_close_flushes(loop):
    """`close()` of a TLS transport sends what was written, then close_notify"""
    server, made, transport, protocol = await tls_pair(loop)
    transport.write(b"x" * 3_000_000)
    transport.close()
    await made.lost
    await protocol.lost
    server.close()
    assert len(made.data) == 3_000_000, f"{len(made.data)} bytes of 3000000 came"
    assert "eof" in made.events


@probe()
async def tls_half_close(loop):
    """A TLS transport says that it cannot write EOF, and `write_eof` raises NotImplementedError"""
    server, _, transport, _ = await tls_pair(loop)
    from support import expect

    assert transport.can_write_eof() is False
    expect(NotImplementedError, transport.write_eof)
    transport.close()
    server.close()


@probe(since=(3, 11))
async def ssl_shutdown_timeout(loop):
    """`ssl_shutdown_timeout` ends the wait for a peer that does not answer close_notify"""
    listener = socket.create_server(("127.0.0.1", 0))
    end = threading.Event()

    def serve():
        sock, _ = listener.accept()
        with server_context().wrap_socket(sock, server_side=True):
            end.wait(8)

    thread = threading.Thread(target=serve)
    thread.start()
    transport, protocol = await loop.create_connection(
        Recorder,
        *listener.getsockname(),
        ssl=client_context(),
        server_hostname="localhost",
        ssl_shutdown_timeout=0.02,
    )
    transport.close()
    try:
        await asyncio.wait_for(protocol.lost, 3)
    finally:
        end.set()
        thread.join()
        listener.close()


@probe()
async def ssl_handshake_timeout(loop):
    """`ssl_handshake_timeout` raises ConnectionAbortedError for a peer that says nothing"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = await expect_async(
            ConnectionAbortedError,
            loop.create_connection(
                Recorder,
                *listener.getsockname(),
                ssl=client_context(),
                server_hostname="localhost",
                ssl_handshake_timeout=0.02,
            ),
        )
    assert "handshake" in str(error)


@probe(issue="uvloop#565")
async def close_during_handshake(loop):
    """A connection attempt cancelled during its handshake closes its socket"""
    listener = socket.create_server(("127.0.0.1", 0))
    task = loop.create_task(
        loop.create_connection(
            Recorder, *listener.getsockname(), ssl=client_context(), server_hostname="localhost"
        )
    )
    peer, _ = await loop.run_in_executor(None, listener.accept)
    peer.settimeout(3)
    await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled(), f"it ended with {task.exception()!r}"

    def drain():
        try:
            while peer.recv(4096):
                pass
        except ConnectionResetError:
            pass

    await loop.run_in_executor(None, drain)
    peer.close()
    listener.close()


@probe()
async def ssl_arguments(loop):
    """`server_hostname` without `ssl`, and `ssl_handshake_timeout` without it, raise ValueError"""
    await expect_async(
        ValueError, loop.create_connection(Recorder, "127.0.0.1", 1, server_hostname="a")
    )
    await expect_async(
        ValueError, loop.create_connection(Recorder, "127.0.0.1", 1, ssl_handshake_timeout=1)
    )
    await expect_async(TypeError, loop.create_server(Recorder, "127.0.0.1", 0, ssl=True))


@probe()
async def client_certificates(loop):
    """A server that asks for a client's certificate refuses a client without one"""
    context = server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = (
        ssl.TLSVersion.TLSv1_2
    )  # with 1.3 the client is done before the server looks
    lost = []

    class Server(Recorder):
        def connection_made(self, transport):
            lost.append("made")

    server, address = await serving(loop, Server, ssl=context)
    try:
        _, protocol = await loop.create_connection(
            Recorder, *address, ssl=client_context(), server_hostname="localhost"
        )
        error = await protocol.lost
    except OSError as raised:
        error = raised
    server.close()
    assert isinstance(error, (ssl.SSLError, ConnectionError)) and not lost, (
        f"it ended with {error!r}"
    )


@probe(since=(3, 11))
async def tls_in_tls(loop):
    """TLS within TLS with `start_tls` on a TLS transport"""
    made = []
    server, address = await serving(
        loop, lambda: made.append(Recorder()) or made[-1], ssl=server_context()
    )
    transport, protocol = await loop.create_connection(
        Recorder, *address, ssl=client_context(), server_hostname="localhost"
    )
    await until(lambda: made and made[0].transport)
    inner, _ = await asyncio.gather(
        loop.start_tls(transport, protocol, client_context(), server_hostname="localhost"),
        loop.start_tls(made[0].transport, made[0], server_context(), server_side=True),
    )
    inner.write(b"x")
    await until(lambda: made[0].data == b"x")
    inner.abort()
    server.close()
