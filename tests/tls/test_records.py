"""TLS records as they come: tiny, in pieces, many at once, broken; and a lot of them."""

import asyncio
import socket
import ssl

import pytest

from ..support import PY311, Recorder, until
from .puppet import Puppet, scene

pytestmark = pytest.mark.skipif(not PY311, reason="TLS of asyncio on CPython 3.10 is another one")


class Calls(Recorder):
    """Remembers each piece of data."""

    def __init__(self):
        super().__init__()
        self.pieces = []

    def data_received(self, data):
        super().data_received(data)
        assert type(data) is bytes
        self.pieces.append(data)


class Buffered(Recorder, asyncio.BufferedProtocol):
    size = 1000

    def __init__(self):
        super().__init__()
        self.buffer = bytearray(self.size)

    def get_buffer(self, hint):
        assert hint > 0 or hint == -1 or hint == 0
        return memoryview(self.buffer)

    def buffer_updated(self, count):
        assert 0 < count <= self.size
        self.data += self.buffer[:count]


def test_records_of_one_byte(loop, server_context, client_context):
    async def main():
        async with scene(Calls, server_context, client_context) as at:
            await at.puppet.send(at.puppet.records(*[b"%d" % (i % 10) for i in range(500)]))
            await until(lambda: len(at.protocol.data) == 500)
            assert at.protocol.data == b"0123456789" * 50
            # What comes together is given together.
            assert len(at.protocol.pieces) < 10

    loop.run_until_complete(main())


@pytest.mark.parametrize("protocol", [Calls, Buffered])
def test_a_record_byte_by_byte(loop, server_context, client_context, protocol):
    async def main():
        async with scene(protocol, server_context, client_context) as at:
            at.puppet.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in at.puppet.records(b"first", b"second"):
                await at.puppet.send(bytes([byte]))
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            await until(lambda: at.protocol.data == b"firstsecond")

    loop.run_until_complete(main())


@pytest.mark.parametrize("cut", [1, 4, 5, 6, 1000, 16384, 16406, 16407, 16408, 16410, 20000, 33000])
@pytest.mark.parametrize("protocol", [Calls, Buffered])
def test_records_cut_in_two(loop, server_context, client_context, cut, protocol):
    payload = bytes(range(256)) * 160  # 40 KiB: three records

    async def main():
        async with scene(protocol, server_context, client_context) as at:
            records = at.puppet.records(payload[:16384], payload[16384:32768], payload[32768:])
            await at.puppet.send(records[:cut])
            await asyncio.sleep(0.01)
            seen = len(at.protocol.data)
            whole = sum(cut >= end for end in (16406, 2 * 16406))
            assert seen == whole * 16384
            await at.puppet.send(records[cut:])
            await until(lambda: len(at.protocol.data) == len(payload))
            assert at.protocol.data == payload

    loop.run_until_complete(main())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("junk", [b"GET / HTTP/1.0\r\n\r\n", b"\x17\x03\x03\x00\x40" + b"x" * 64])
def test_junk_instead_of_a_record(loop, server_context, client_context, version, junk, reports):
    client_context.minimum_version = client_context.maximum_version = version

    async def main():
        async with scene(Calls, server_context, client_context) as at:
            await at.puppet.send(at.puppet.records(b"good") + junk)
            error = await at.protocol.lost
            assert isinstance(error, ssl.SSLError)
            # Data that came with the junk is lost, as on asyncio.
            assert at.protocol.data in (b"", b"good")
            assert "eof" not in at.protocol.events

    loop.run_until_complete(main())


def test_data_and_goodbye_in_one_piece(loop, server_context, client_context):
    async def main():
        async with scene(Calls, server_context, client_context) as at:
            records = at.puppet.records(b"one", b"two")
            await at.puppet.send(records + at.puppet.goodbye())
            assert await at.protocol.lost is None
            assert at.protocol.pieces == [b"onetwo"]
            assert at.protocol.events == ["made", "data", "eof", ("lost", None)]

    loop.run_until_complete(main())


def test_data_right_behind_the_handshake(loop, server_context, client_context):
    client_context.minimum_version = client_context.maximum_version = ssl.TLSVersion.TLSv1_3

    async def main():
        made = []

        def factory():
            made.append(Calls())
            return made[0]

        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=server_context)
        sock = socket.create_connection(server.sockets[0].getsockname())
        puppet = Puppet(sock, client_context)
        while True:
            try:
                puppet.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await puppet.send(puppet.outgoing.read())
                await puppet.receive()
        # The client's last word of the handshake, data and goodbye leave in one piece.
        finished = puppet.outgoing.read()
        await puppet.send(finished + puppet.records(b"early") + puppet.goodbye())
        await until(lambda: made and made[0].lost.done())
        assert made[0].events == ["made", "data", "eof", ("lost", None)]
        assert made[0].data == b"early"
        puppet.close()
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


def test_small_writes_arrive_in_order(loop, server_context, client_context):
    async def main():
        async with scene(Calls, server_context, client_context) as at:
            expected = b""
            for i in range(300):
                text = b"%d," % i * (i % 7)
                view = bytearray(text)
                kind = (bytes, bytearray, memoryview)[i % 3](view)
                if i % 11 == 0:
                    at.protocol.transport.writelines([text, b"", view])
                    expected += text * 2
                else:
                    at.protocol.transport.write(kind)
                    expected += text
                view[:] = b"!" * len(view)  # the program may use its buffer again
                if i % 50 == 0:
                    await asyncio.sleep(0)
            assert await at.puppet.read(len(expected)) == expected

    loop.run_until_complete(main())


@pytest.mark.parametrize("protocol", [Calls, Buffered])
def test_paused_reading(loop, server_context, client_context, protocol):
    payload = bytes(range(256)) * 1000

    async def main():
        async with scene(protocol, server_context, client_context) as at:
            transport = at.protocol.transport
            transport.pause_reading()
            assert not transport.is_reading()
            sending = loop.create_task(at.puppet.call(at.puppet.tls.write, payload[:16384]))
            await sending
            await asyncio.sleep(0.01)
            assert not at.protocol.data
            transport.resume_reading()
            assert transport.is_reading()
            await until(lambda: len(at.protocol.data) == 16384)
            assert at.protocol.data == payload[:16384]

    loop.run_until_complete(main())


def test_the_peer_is_held_back_while_reading_is_paused(loop, server_context, client_context):
    async def main():
        async with scene(Calls, server_context, client_context) as at:
            transport = at.protocol.transport
            transport.set_read_buffer_limits(high=50_000, low=10_000)
            assert transport.get_read_buffer_limits() == (10_000, 50_000)
            transport.pause_reading()
            total = 4_000_000
            records = b"".join(at.puppet.records(b"x" * 16384) for _ in range(total // 16384))
            sending = loop.create_task(at.puppet.send(records))
            await until(lambda: transport.get_read_buffer_size() >= 50_000)
            before = transport.get_read_buffer_size()
            await asyncio.sleep(0.02)
            assert transport.get_read_buffer_size() == before < 400_000
            transport.resume_reading()
            await sending
            await until(lambda: len(at.protocol.data) == total // 16384 * 16384)
            assert transport.get_read_buffer_size() == 0

    loop.run_until_complete(main())


def test_the_program_is_held_back_while_the_peer_does_not_read(
    loop, server_context, client_context
):
    async def main():
        async with scene(Calls, server_context, client_context) as at:
            transport = at.protocol.transport
            chunk, sent = bytes(range(256)) * 256, 0
            while "pause" not in at.protocol.events:
                transport.write(chunk)
                sent += len(chunk)
                assert sent < 100_000_000
                await asyncio.sleep(0)
            assert transport.get_write_buffer_size() >= 512 * 1024
            received = await at.puppet.read(sent)
            assert received == chunk * (sent // len(chunk))
            await until(lambda: "resume" in at.protocol.events)
            assert transport.get_write_buffer_size() == 0

    loop.run_until_complete(main())


def test_write_limits(loop, server_context, client_context):
    async def main():
        async with scene(Calls, server_context, client_context) as at:
            transport = at.protocol.transport
            assert transport.get_write_buffer_limits() == (131072, 524288)
            transport.set_write_buffer_limits(high=100)
            assert transport.get_write_buffer_limits() == (25, 100)
            transport.set_write_buffer_limits(low=7)
            assert transport.get_write_buffer_limits() == (7, 28)
            with pytest.raises(ValueError, match=r"high \(1\) must be >= low \(2\) must be >= 0"):
                transport.set_write_buffer_limits(high=1, low=2)
            with pytest.raises(ValueError, match="must be >= low"):
                transport.set_read_buffer_limits(high=1, low=2)
            transport.write(b"x" * 200)
            assert transport.get_write_buffer_size() == 0
            assert "pause" not in at.protocol.events
            transport.set_write_buffer_limits(high=0)
            assert at.protocol.events[-1] == "pause"

    loop.run_until_complete(main())


@pytest.mark.slow
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_much_data_both_ways(loop, server_context, client_context, version):
    client_context.minimum_version = client_context.maximum_version = version
    total = 8_000_000

    class Pump(Recorder):
        """Sends as fast as flow control lets it, and checks what comes."""

        def __init__(self):
            super().__init__()
            self.sent = self.received = 0
            self.paused = False

        def connection_made(self, transport):
            super().connection_made(transport)
            loop.call_soon(self.pump)

        def pump(self):
            while not self.paused and self.sent < total:
                chunk = bytes([self.sent // 40_000 % 251]) * 40_000
                self.transport.write(chunk)
                self.sent += len(chunk)

        def pause_writing(self):
            self.paused = True

        def resume_writing(self):
            self.paused = False
            self.pump()

        def data_received(self, data):
            assert data[0] == self.received // 40_000 % 251
            self.received += len(data)
            if self.received % 3 == 0:
                self.transport.pause_reading()
                loop.call_later(0.001, self.transport.resume_reading)

    async def main():
        accepted = []

        def factory():
            accepted.append(Pump())
            return accepted[0]

        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=server_context)
        address = server.sockets[0].getsockname()
        transport, client = await loop.create_connection(
            Pump, *address, ssl=client_context, server_hostname="localhost"
        )
        await until(lambda: accepted and accepted[0].received == client.received == total)
        transport.close()
        await client.lost
        await accepted[0].lost
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
