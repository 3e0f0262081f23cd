"""start_tls over what is there: a plain connection, TLS, a transport in Python."""

import asyncio
import contextlib

import pytest

from ..support import PY311, Recorder, until

pytestmark = pytest.mark.skipif(not PY311, reason="TLS of asyncio on CPython 3.10 is another one")


class Forward(asyncio.Transport):
    """A transport in Python, which passes everything on to another and keeps the protocol to itself."""

    _start_tls_compatible = True

    def __init__(self, below):
        super().__init__()
        self.below = below
        self.calls = []

    def write(self, data):
        self.calls.append("write")
        assert isinstance(data, (bytes, bytearray, memoryview))
        self.below.write(bytes(data))

    def set_protocol(self, protocol):
        self.protocol = protocol
        self.below.set_protocol(Back(protocol))

    def get_protocol(self):
        return self.protocol

    def __getattr__(self, name):
        return getattr(self.below, name)

    def get_extra_info(self, name, default=None):
        return self.below.get_extra_info(name, default)

    def is_closing(self):
        return self.below.is_closing()

    def close(self):
        self.below.close()

    def abort(self):
        self.calls.append("abort")
        self.below.abort()

    def pause_reading(self):
        self.below.pause_reading()

    def resume_reading(self):
        self.below.resume_reading()


class Back(asyncio.Protocol):
    """Feeds a BufferedProtocol as transports do, in pieces of odd sizes."""

    def __init__(self, protocol):
        self.protocol = protocol
        assert isinstance(protocol, asyncio.BufferedProtocol)

    def data_received(self, data):
        while data:
            view = self.protocol.get_buffer(-1)
            count = min(len(view), len(data), 777)
            view[:count] = data[:count]
            data = data[count:]
            self.protocol.buffer_updated(count)

    def eof_received(self):
        return self.protocol.eof_received()

    def connection_lost(self, error):
        self.protocol.connection_lost(error)

    def pause_writing(self):
        self.protocol.pause_writing()

    def resume_writing(self):
        self.protocol.resume_writing()


@contextlib.asynccontextmanager
async def plain_pair(loop):
    made = []

    def factory():
        made.append(Recorder())
        return made[0]

    server = await loop.create_server(factory, "127.0.0.1", 0)
    transport, client = await loop.create_connection(Recorder, *server.sockets[0].getsockname())
    while not made:
        await asyncio.sleep(0)
    await made[0].made
    yield (made[0].transport, made[0]), (transport, client)
    await client.lost
    await made[0].lost
    server.close()
    await server.wait_closed()


async def upgrade(loop, ends, server_context, client_context):
    (server_transport, peer), (client_transport, client) = ends
    peer.transport, client.transport = await asyncio.gather(
        loop.start_tls(server_transport, peer, server_context, server_side=True),
        loop.start_tls(client_transport, client, client_context, server_hostname="localhost"),
    )
    return (peer.transport, peer), (client.transport, client)


async def exchange(ends, size):
    (_, peer), (_, client) = ends
    payload = (bytes(range(256)) * (size // 256 + 1))[:size]

    async def send(one, other):
        other.data.clear()
        one.transport.write(payload)
        await until(lambda: len(other.data) == size)
        assert other.data == payload

    await send(peer, client)
    await send(client, peer)


@pytest.mark.parametrize("size", [1, 1000, 16385, 1_000_000])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_tls_in_tls(loop, server_context, client_context, size, layers):
    async def main():
        async with plain_pair(loop) as ends:
            for _ in range(layers):
                ends = await upgrade(loop, ends, server_context, client_context)
                assert ends[1][0].get_extra_info("cipher")
                assert ends[1][0].get_extra_info("peername")
                await exchange(ends, size)
            (_, peer), (transport, client) = ends
            # No `connection_made` again.
            assert peer.events.count("made") == client.events.count("made") == 1
            transport.close()
            assert await client.lost is None
            await peer.lost

    loop.run_until_complete(main())


@pytest.mark.parametrize("size", [1, 16384, 500_000])
def test_over_a_transport_in_python(loop, server_context, client_context, size):
    async def main():
        async with plain_pair(loop) as ((server_transport, peer), (client_transport, client)):
            ends = (Forward(server_transport), peer), (Forward(client_transport), client)
            below = ends[1][0]
            ends = await upgrade(loop, ends, server_context, client_context)
            await exchange(ends, size)
            below.calls.clear()
            ends[1][0].writelines([b"a", b"b"])
            ends[1][0].write(b"c")
            await until(lambda: ends[0][1].data.endswith(b"abc"))
            ends[1][0].abort()
            await client.lost

    loop.run_until_complete(main())


@pytest.mark.parametrize("layers", [1, 2])
def test_abort_through_layers(loop, server_context, client_context, layers):
    async def main():
        async with plain_pair(loop) as ends:
            for _ in range(layers):
                ends = await upgrade(loop, ends, server_context, client_context)
            ends[0][0].abort()
            assert await ends[0][1].lost is None

    loop.run_until_complete(main())


def test_failed_upgrade(loop, server_context, client_context, authority, reports):
    async def main():
        async with plain_pair(loop) as ends:
            (server_transport, peer), (client_transport, client) = ends
            results = await asyncio.gather(
                loop.start_tls(server_transport, peer, server_context, server_side=True),
                loop.start_tls(client_transport, client, client_context, server_hostname="other"),
                return_exceptions=True,
            )
            assert all(isinstance(result, OSError) for result in results), results
            # The protocols have been told of a connection, hence of its end.
            await client.lost

    loop.run_until_complete(main())
    reports.clear()
