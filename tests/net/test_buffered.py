"""BufferedProtocol: the protocol lends the buffer."""

import asyncio

import pytest

from ..connections import finish, pair
from ..support import Recorder, until


class Buffered(asyncio.BufferedProtocol):
    size = 1000

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.buffer = bytearray(self.size)
        self.data = bytearray()
        self.events = []
        self.hints = []
        self.made = loop.create_future()
        self.lost = loop.create_future()
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        self.made.set_result(transport)
        self.events.append("made")

    def get_buffer(self, sizehint):
        self.hints.append(sizehint)
        return self.buffer

    def buffer_updated(self, count):
        self.data += self.buffer[:count]

    def eof_received(self):
        self.events.append("eof")

    def connection_lost(self, error):
        self.events.append(("lost", type(error).__name__ if error else None))
        self.lost.set_result(error)


@pytest.mark.parametrize("wrap", [lambda b: b, memoryview, lambda b: memoryview(b)[10:20]])
def test_receives_into_the_lent_buffer(loop, wrap):
    class Mine(Buffered):
        def get_buffer(self, sizehint):
            super().get_buffer(sizehint)
            self.lent = wrap(self.buffer)
            return self.lent

        def buffer_updated(self, count):
            self.data += bytes(self.lent[:count])

    async def main():
        peer, client, server = await pair(loop, Mine)
        payload = bytes(range(256)) * 100
        client.transport.write(payload)
        await until(lambda: len(peer.data) == len(payload))
        assert peer.data == payload
        assert set(peer.hints) == {-1}
        client.transport.close()
        await peer.lost
        await client.lost
        assert peer.events == ["made", "eof", ("lost", None)]
        await finish(server)

    loop.run_until_complete(main())


@pytest.mark.parametrize(
    "buffer, kind",
    [(bytearray(), RuntimeError), (b"read-only", Exception), (None, TypeError), (5, TypeError)],
)
def test_bad_buffers_close_the_connection(loop, reports, buffer, kind):
    class Bad(Buffered):
        def get_buffer(self, sizehint):
            return buffer

    async def main():
        peer, client, server = await pair(loop, Bad)
        client.transport.write(b"x")
        error = await peer.lost
        assert isinstance(error, kind)
        context = reports.take_one()
        assert context["exception"] is error
        await client.lost
        await finish(server)

    loop.run_until_complete(main())


@pytest.mark.parametrize("where", ["get_buffer", "buffer_updated"])
def test_exceptions_close_the_connection(loop, reports, where):
    class Bad(Buffered):
        pass

    def boom(self, _):
        raise ValueError(where)

    setattr(Bad, where, boom)

    async def main():
        peer, client, server = await pair(loop, Bad)
        client.transport.write(b"x")
        error = await peer.lost
        assert isinstance(error, ValueError)
        assert reports.take_one()["message"] == f"Fatal error: protocol.{where}() call failed."
        await client.lost
        await finish(server)

    loop.run_until_complete(main())


def test_switching_between_kinds_of_protocol(loop):
    async def main():
        peer, client, server = await pair(loop)
        client.transport.write(b"plain")
        await until(lambda: peer.data == b"plain")
        buffered = Buffered()
        peer.transport.set_protocol(buffered)
        client.transport.write(b"buffered")
        await until(lambda: buffered.data == b"buffered")
        again = Recorder()
        again.transport = peer.transport
        peer.transport.set_protocol(again)
        client.transport.write(b"again")
        await until(lambda: again.data == b"again")
        client.transport.close()
        await client.lost
        await again.lost
        await finish(server)

    loop.run_until_complete(main())


def test_a_buffer_kept_by_the_protocol_can_be_resized_afterwards(loop):
    class Grows(Buffered):
        def buffer_updated(self, count):
            super().buffer_updated(count)
            self.buffer.extend(b"\0" * 10)  # a BufferError if the transport still held it

    async def main():
        peer, client, server = await pair(loop, Grows)
        client.transport.write(b"abc")
        await until(lambda: peer.data == b"abc")
        client.transport.write(b"def")
        await until(lambda: peer.data == b"abcdef")
        await finish(server, peer, client)

    loop.run_until_complete(main())


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_get_buffer_may_switch_to_another_protocol(loop, reports, plain, end):
    """What was received into the old one's buffer is told to the new one."""

    class Next(Recorder if plain else Buffered):
        def buffer_updated(self, count):
            self.events.append(("updated", count))

    if plain:
        del Next.buffer_updated
    made = []

    class Switches(Buffered):
        def get_buffer(self, sizehint):
            if not made:
                made.append(Next())
                self.transport.set_protocol(made[0])
            return super().get_buffer(sizehint)

    async def main():
        peer, client, server = await pair(loop, Switches)
        if end:
            client.transport.write_eof()
        else:
            client.transport.write(b"abc")
        await until(lambda: made and made[0].events)
        client.transport.abort()
        await made[0].lost
        await finish(server)
        return peer.events, [event for event in made[0].events if event != "eof" or end]

    old, new = loop.run_until_complete(main())
    assert "eof" not in old and ("lost", None) not in old
    if end:
        assert new[0] == "eof"
    elif plain:
        # It has no `buffer_updated`, and that is an error.
        assert new == [("lost", "AttributeError")]
        assert isinstance(reports.take_one()["exception"], AttributeError)
    else:
        assert new[0] == ("updated", 3)
