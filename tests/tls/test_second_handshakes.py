"""Handshake messages in the middle of a connection: a client's certificate asked for late, new keys, renegotiation."""

import asyncio
import ssl
import subprocess

import pytest

from ..support import PY311, Recorder, until

pytestmark = pytest.mark.skipif(not PY311, reason="TLS of asyncio on CPython 3.10 is another one")


@pytest.fixture
def late_contexts(authority, server_context, client_context):
    if not ssl.HAS_TLSv1_3:
        pytest.skip("no TLS 1.3")
    server_context.verify_mode = ssl.CERT_OPTIONAL
    server_context.post_handshake_auth = True
    authority.configure_trust(server_context)
    authority.issue_cert("client@example.com").configure_cert(client_context)
    client_context.post_handshake_auth = True
    return server_context, client_context


class Asks(Recorder):
    """A server's protocol that asks for the client's certificate when it has the first word."""

    def data_received(self, data):
        if not self.data:
            self.transport.get_extra_info("ssl_object").verify_client_post_handshake()
            self.transport.write(b"who is it?")
        super().data_received(data)


@pytest.mark.parametrize("end", ["close", "abort", "peer closes"])
def test_a_certificate_asked_for_late(loop, late_contexts, end):
    server_context, client_context = late_contexts

    async def main():
        made = loop.create_future()

        def factory():
            made.set_result(Asks())
            return made.result()

        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=server_context)
        transport, client = await loop.create_connection(
            Recorder,
            *server.sockets[0].getsockname(),
            ssl=client_context,
            server_hostname="localhost",
        )
        peer = await made
        transport.write(b"first")
        await until(lambda: client.data == b"who is it?")
        transport.write(b" second")
        await until(lambda: peer.data == b"first second")
        tls = peer.transport.get_extra_info("ssl_object")
        assert tls.getpeercert()["subjectAltName"] == (("email", "client@example.com"),)
        if end == "peer closes":
            peer.transport.close()
        else:
            getattr(transport, end)()
        assert await client.lost is None
        assert await peer.lost is None
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


@pytest.fixture
def openssl():
    try:
        subprocess.run(["openssl", "version"], check=True, capture_output=True)
    except OSError:
        pytest.skip("no openssl command")


# The commands of s_client, and what it says when it has read them.
SAYS = {b"k\n": b"KEYUPDATE\n", b"K\n": b"KEYUPDATE\n", b"R\n": b"RENEGOTIATING\n"}


@pytest.mark.parametrize("command", SAYS)
def test_commands_of_openssl(loop, openssl, server_context, command):
    """New keys of TLS 1.3, one way and both, and a renegotiation of TLS 1.2, then more data and an orderly end."""
    version = ssl.TLSVersion.TLSv1_2 if command == b"R\n" else ssl.TLSVersion.TLSv1_3
    server_context.minimum_version = server_context.maximum_version = version

    class Echo(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.write(b"echo " + data)

    async def main():
        made = loop.create_future()

        def factory():
            made.set_result(Echo())
            return made.result()

        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=server_context)
        host, port = server.sockets[0].getsockname()
        process = await asyncio.create_subprocess_exec(
            "openssl", "s_client", "-connect", f"{host}:{port}", stdin=-1, stdout=-1, stderr=-2
        )
        peer = await made
        await peer.made
        process.stdin.write(b"first\n")
        await until(lambda: peer.data == b"first\n")
        process.stdin.write(command)
        # It takes what it reads at once for one command: what follows must wait until it has read this.
        output = await process.stdout.readuntil(SAYS[command])
        if command != b"R\n":  # OpenSSL 3 refuses to renegotiate, and then s_client leaves
            process.stdin.write(b"second\n")
            await until(lambda: peer.data == b"first\nsecond\n")
            process.stdin.write(b"Q\n")
        output += (await process.communicate())[0]
        assert b"echo first\n" in output
        await peer.lost
        assert peer.events[0] == "made"
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
