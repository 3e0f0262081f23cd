"""Flow control: when a transport tells its protocol to pause and to resume, and what it says of its buffer."""

import asyncio
import contextlib
import socket

import pytest

from ..connections import finish, pair, socket_pair
from ..support import Recorder, differential, until


def test_limits():
    async def scenario(loop, log):
        peer, client, server = await pair(loop)
        transport = client.transport
        log(transport.get_write_buffer_limits(), transport.get_write_buffer_size())
        for options in (
            {"high": 100},
            {"low": 10},
            {"high": 1000, "low": 10},
            {"high": 0},
            {"low": 0},
            {},
            {"high": 3, "low": 3},
            {"high": None, "low": 5},
        ):
            transport.set_write_buffer_limits(**options)
            log(options, transport.get_write_buffer_limits())
        for options in (
            {"high": 1, "low": 2},
            {"high": -1},
            {"low": -1},
            {"high": "x"},
            {"low": "x", "high": 5},
        ):
            log.attempt("bad", transport.set_write_buffer_limits, **options)
            log(transport.get_write_buffer_limits())
        log.attempt("positional", transport.set_write_buffer_limits, 50, 20)
        log(transport.get_write_buffer_limits())
        await finish(server, peer, client)

    differential(scenario)


def test_pause_and_resume_writing(loop):
    async def main():
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        transport = client.transport
        transport.set_write_buffer_limits(high=100_000, low=50_000)
        while "pause" not in client.events:
            before = transport.get_write_buffer_size()
            transport.write(b"x" * 40_000)
            assert (transport.get_write_buffer_size() > 100_000) == ("pause" in client.events)
            assert transport.get_write_buffer_size() >= before
        transport.write(b"x" * 500_000)
        assert client.events == ["made", "pause"], "told once"
        sizes = []
        client.resume_writing = lambda: (
            client.events.append("resume"),
            sizes.append(transport.get_write_buffer_size()),
        )
        peer.transport.resume_reading()
        await until(lambda: "resume" in client.events)
        assert sizes[0] <= 50_000
        assert client.events == ["made", "pause", "resume"]
        await until(lambda: transport.get_write_buffer_size() == 0)
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_high_water_zero_pauses_on_any_buffered_byte(loop):
    async def main():
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        client.transport.set_write_buffer_limits(high=0)
        client.transport.write(b"fits the kernel")
        assert client.events == ["made"]
        while client.transport.get_write_buffer_size() == 0:
            client.transport.write(b"x" * 100_000)
        assert client.events == ["made", "pause"]
        peer.transport.resume_reading()
        await until(lambda: client.events == ["made", "pause", "resume"])
        assert client.transport.get_write_buffer_size() == 0
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_pause_and_resume_writing_that_raise(loop, reports):
    class Raises(Recorder):
        def pause_writing(self):
            super().pause_writing()
            raise ValueError("from pause")

        def resume_writing(self):
            super().resume_writing()
            raise ValueError("from resume")

    async def main():
        peer, client, server = await pair(loop, Recorder, Raises)
        peer.transport.pause_reading()
        client.transport.write(b"x" * 8_000_000)
        assert client.events == ["made", "pause"]
        context = reports.take_one()
        assert context["message"] == "protocol.pause_writing() failed"
        assert set(context) == {"message", "exception", "transport", "protocol"}
        peer.transport.resume_reading()
        await until(lambda: "resume" in client.events)
        assert reports.take_one()["message"] == "protocol.resume_writing() failed"
        await until(lambda: len(peer.data) == 8_000_000)
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_writing_from_within_resume_writing(loop):
    total = 0

    class Feeds(Recorder):
        def resume_writing(self):
            super().resume_writing()
            self.feed()

        def feed(self):
            nonlocal total
            while total < 6_000_000 and self.events[-1] != "pause":
                self.transport.write(b"x" * 100_000)
                total += 100_000

    async def main():
        peer, client, server = await pair(loop, Recorder, Feeds)
        client.events.append("start")
        client.feed()
        await until(lambda: len(peer.data) == 6_000_000)
        await finish(server, peer, client)

    loop.run_until_complete(main())


def test_aborting_from_within_pause_writing(loop):
    class Aborts(Recorder):
        def pause_writing(self):
            super().pause_writing()
            self.transport.abort()

    async def main():
        peer, client, server = await pair(loop, Recorder, Aborts)
        peer.transport.pause_reading()
        client.transport.write(b"x" * 8_000_000)
        await client.lost
        assert client.events[:2] == ["made", "pause"]
        peer.transport.resume_reading()
        await peer.lost
        await finish(server)

    loop.run_until_complete(main())


def test_streams_drain(loop):
    async def main():
        received = 0
        gate = asyncio.Event()
        done = asyncio.Event()

        async def handle(reader, writer):
            nonlocal received
            await gate.wait()
            while data := await reader.read(100_000):
                received += len(data)
            writer.close()
            done.set()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"x" * 8_000_000)
        drain = asyncio.ensure_future(writer.drain())
        await asyncio.sleep(0.002)
        assert not drain.done()
        gate.set()
        await drain
        writer.write_eof()
        await done.wait()
        assert received == 8_000_000
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


def test_drain_fails_when_the_connection_is_lost(loop):
    async def main():
        async def handle(reader, writer):
            writer.transport.abort()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.transport.set_write_buffer_limits(high=0)
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                writer.write(b"x" * 100_000)
                await writer.drain()
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


def test_receiving_once_more_from_within(loop):
    """`_read_ready` is private, but where asyncio's own code calls it, it runs in the context it is called in."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    got = []

    class Impatient(Recorder):
        def data_received(self, data):
            got.append(data)
            if data == b"first":
                theirs.send(b"second")
                self.transport._read_ready()
                got.append("after")

    async def main():
        transport, protocol = await loop.connect_accepted_socket(Impatient, ours)
        theirs.send(b"first")
        await until(lambda: "after" in got)
        transport.abort()
        await protocol.lost

    loop.run_until_complete(main())
    theirs.close()
    assert got == [b"first", b"second", "after"]


def test_writing_resumes_at_the_low_mark(loop):
    class Protocol(Recorder):
        left = None

        def resume_writing(self):
            self.left = self.transport.get_write_buffer_size()

    async def main():
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        transport, protocol = await loop.create_connection(Protocol, sock=ours)
        transport.set_write_buffer_limits(high=500_000, low=1000)
        transport.write(b"x" * 2_000_000)
        while protocol.left is None:
            with contextlib.suppress(BlockingIOError):
                theirs.recv(4096)
            await asyncio.sleep(0)
        assert protocol.left <= 1000
        transport.abort()
        theirs.close()
        await protocol.lost

    loop.run_until_complete(main())


def test_what_the_loop_saw_before_a_pause_is_not_for_who_resumes():
    """Data that are there are received in the next turn, not by the callback that waits behind this step."""

    class Counting(asyncio.Protocol):
        received = 0

        def data_received(self, data):
            self.received += len(data)

    async def scenario(loop, log):
        ours, theirs = socket_pair()
        transport, protocol = await loop.create_connection(Counting, sock=ours)
        await asyncio.sleep(0)
        for again in (False, True):
            theirs.send(b"data")
            await asyncio.sleep(0)  # readable, and the callback is queued behind this step
            if again:
                transport.pause_reading()
                transport.resume_reading()
            before = protocol.received
            await asyncio.sleep(0)
            log(again, protocol.received - before)
            await asyncio.sleep(0)
            log(protocol.received)
        transport.abort()
        await asyncio.sleep(0)
        theirs.close()

    differential(scenario)
