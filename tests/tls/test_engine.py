"""riata's own TLS: who gets it, what it looks like, what it holds."""

import asyncio
import gc
import os
import socket
import ssl
import sys
import weakref

import pytest

from ..flat import resident
from ..support import LOOPS, PY311, Recorder, open_fds
from .puppet import Puppet, scene

pytestmark = [
    pytest.mark.skipif(not PY311, reason="on CPython 3.10 asyncio's own TLS stays in use"),
    pytest.mark.skipif("riata" not in LOOPS, reason="of riata only"),
]


@pytest.fixture
def loop_name():
    return "riata"


def test_it_passes_for_asyncios(loop, server_context, client_context):
    from asyncio import sslproto

    async def main():
        async with scene(Recorder, server_context, client_context) as at:
            transport = at.protocol.transport
            protocol = transport._ssl_protocol
            assert type(protocol).__module__ == type(transport).__module__ == "riata._riata"
            assert isinstance(transport, asyncio.Transport)
            assert isinstance(transport, sslproto._SSLProtocolTransport)
            assert isinstance(protocol, sslproto.SSLProtocol)
            assert isinstance(protocol, asyncio.BufferedProtocol)
            assert protocol._app_transport is transport
            assert protocol._app_protocol is at.protocol is transport.get_protocol()
            assert protocol._state is sslproto.SSLProtocolState.WRAPPED
            assert isinstance(protocol._sslobj, ssl.SSLObject)
            assert protocol._transport.get_protocol() is protocol
            assert protocol._sslcontext is server_context
            transport.note = "kept"
            assert transport.note == "kept"
            assert weakref.ref(transport)() is transport

    loop.run_until_complete(main())


def engine_of(loop, server_context, client_context):
    async def main():
        async with scene(Recorder, server_context, client_context) as at:
            await at.puppet.send(at.puppet.records(b"hello"))
            while at.protocol.data != b"hello":
                await asyncio.sleep(0.001)
            return type(at.protocol.transport._ssl_protocol).__module__.partition(".")[0]

    return loop.run_until_complete(main())


def test_a_changed_sslproto_stays_asyncios(loop, server_context, client_context, monkeypatch):
    from asyncio import sslproto

    assert engine_of(loop, server_context, client_context) == "riata"
    monkeypatch.setattr(sslproto.SSLProtocol, "max_size", 1000)
    assert engine_of(loop, server_context, client_context) == "asyncio"
    monkeypatch.undo()

    class Own(sslproto.SSLProtocol):
        pass

    monkeypatch.setattr(sslproto, "SSLProtocol", Own)
    assert engine_of(loop, server_context, client_context).startswith("tests")
    monkeypatch.undo()
    assert engine_of(loop, server_context, client_context) == "riata"


def test_an_ssl_object_of_the_programs_own(loop, server_context, client_context):
    calls = []

    class Own(ssl.SSLObject):
        def read(self, *args):
            calls.append("read")
            return super().read(*args)

        def write(self, data):
            calls.append("write")
            assert type(data) is bytes  # a view would be of memory that goes away
            return super().write(data)

    server_context.sslobject_class = Own

    async def main():
        async with scene(Recorder, server_context, client_context) as at:
            await at.puppet.send(at.puppet.records(b"hello"))
            while at.protocol.data != b"hello":
                await asyncio.sleep(0.001)
            at.protocol.transport.writelines([b"x" * 20_000, b"y"])
            assert await at.puppet.read(20_001) == b"x" * 20_000 + b"y"

    loop.run_until_complete(main())
    assert {"read", "write"} <= set(calls)


def test_each_write_is_a_record(loop, server_context, client_context):
    class Parts(Recorder):
        def data_received(self, data):
            self.transport.write(b"head")
            self.transport.writelines([b"bo", bytearray(b"dy")])
            self.transport.write(memoryview(b"tail"))

    async def main():
        async with scene(Parts, server_context, client_context) as at:
            await at.puppet.send(at.puppet.records(b"go"))
            read = [await at.puppet.call(at.puppet.tls.read, 100) for _ in range(3)]
            assert read == [b"head", b"body", b"tail"]

    loop.run_until_complete(main())


def test_no_exception_is_made_for_what_has_not_come(loop, server_context, client_context):
    """Reading ends at the last whole record: OpenSSL is not asked for more."""
    tries = []

    class Own(ssl.SSLObject):
        def read(self, *args):
            try:
                return super().read(*args)
            except ssl.SSLWantReadError:
                tries.append(args)
                raise

    server_context.sslobject_class = Own
    client_context.maximum_version = ssl.TLSVersion.TLSv1_2  # no tickets after the handshake

    async def main():
        async with scene(Recorder, server_context, client_context) as at:
            records = at.puppet.records(b"x" * 16384, b"y" * 16384, b"z")
            for start in range(0, len(records), 5000):
                await at.puppet.send(records[start : start + 5000])
                await asyncio.sleep(0.001)
            while len(at.protocol.data) < 32769:
                await asyncio.sleep(0.001)

    loop.run_until_complete(main())
    assert not tries


def test_dropped_connections_are_collected(new_loop, server_context, client_context):
    loop = new_loop()
    kept = []

    async def main():
        server = await loop.create_server(Recorder, "127.0.0.1", 0, ssl=server_context)
        puppet = await Puppet.connect(server.sockets[0].getsockname(), client_context)
        transport, client = await loop.create_connection(
            Recorder,
            *server.sockets[0].getsockname(),
            ssl=client_context,
            server_hostname="localhost",
        )
        client.cycle = [transport, transport._ssl_protocol]
        transport.cycle = client
        kept.append(weakref.ref(transport))
        kept.append(weakref.ref(transport._ssl_protocol))
        transport.close()
        await client.lost
        puppet.close()
        server.close()
        await asyncio.sleep(0.05)

    loop.run_until_complete(main())
    gc.collect()
    assert [reference() for reference in kept] == [None, None]


@pytest.mark.slow
def test_two_thousand_connections_leave_nothing(loop, server_context, client_context):
    class Echo(Recorder):
        def data_received(self, data):
            self.transport.write(data)

    async def some(count):
        server = await loop.create_server(Echo, "127.0.0.1", 0, ssl=server_context, backlog=200)
        address = server.sockets[0].getsockname()

        async def one(i):
            transport, client = await loop.create_connection(
                Recorder, *address, ssl=client_context, server_hostname="localhost"
            )
            transport.write(b"x" * 1000)
            while len(client.data) < 1000:
                await asyncio.sleep(0.001)
            transport.abort() if i % 3 == 0 else transport.close()
            await client.lost

        for start in range(0, count, 50):
            await asyncio.gather(*[one(start + i) for i in range(50)])
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)

    def settle():
        gc.collect()
        gc.collect()
        return len(gc.get_objects()), sys.getallocatedblocks(), resident()

    loop.run_until_complete(some(400))
    fds, (objects, blocks, memory) = open_fds(), settle()
    loop.run_until_complete(some(1600))
    after_objects, after_blocks, after_memory = settle()
    assert open_fds() == fds
    assert after_objects - objects < 200
    assert after_blocks - blocks < 3000
    assert after_memory - memory < 6_000_000


@pytest.mark.slow
def test_an_idle_connection_is_small(loop, server_context):
    """Both BIOs give back nothing that they once needed: they must not have needed much."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    count = 200

    async def main():
        made = []

        class Big(Recorder):
            def connection_made(self, transport):
                self.transport = transport
                made.append(self)

            def data_received(self, data):
                self.transport.write(bytes(100_000))

        server = await loop.create_server(Big, "127.0.0.1", 0, ssl=server_context)
        address = server.sockets[0].getsockname()
        # The peers live in another process.
        reads, writes = os.pipe()
        child = os.fork()
        if not child:
            peers = []
            try:
                for _ in range(count):
                    peer = context.wrap_socket(socket.create_connection(address))
                    peer.sendall(bytes(20_000))
                    got = 0
                    while got < 100_000:
                        got += len(peer.recv(65536))
                    peers.append(peer)
                os.read(reads, 1)
            finally:
                os._exit(0)
        before = resident()
        while len(made) < count or any(p.transport.get_write_buffer_size() for p in made):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        gc.collect()
        grown = (resident() - before) / count
        os.write(writes, b"x")
        os.waitpid(child, 0)
        os.close(reads)
        os.close(writes)
        for protocol in made:
            await protocol.lost
        server.close()
        await server.wait_closed()
        return grown

    grown = loop.run_until_complete(main())
    # Some 60 KB of this are OpenSSL's; asyncio's protocol takes 256 KiB more, and BIOs of more than 100 KB.
    assert grown < 130_000, grown
