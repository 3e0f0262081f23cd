"""Stream readers and protocols whose methods somebody replaced, on the class or on one instance."""

import asyncio
import contextlib
import socket

import pytest

from ..support import Log, until


@contextlib.asynccontextmanager
async def connection():
    """A reader, its writer, and the socket at the other end; all are closed in the end."""
    ours, peer = socket.socketpair()
    ours.setblocking(False)
    peer.settimeout(5)
    reader, writer = await asyncio.open_connection(sock=ours)
    yield reader, writer, peer
    peer.close()
    writer.close()
    await writer.wait_closed()


async def send(peer, reader, data):
    """The data arrives, whoever looks on."""
    peer.send(data)
    assert await reader.read(100) == data


@pytest.mark.parametrize("first", [False, True], ids=["before any data", "later"])
@pytest.mark.parametrize("method", ["feed_data", "feed_eof", "_wakeup_waiter"])
def test_a_reader_that_is_patched(loop, method, first):
    log = Log()

    async def main():
        async with connection() as (reader, _writer, peer):
            if first:
                await send(peer, reader, b"plain")
            original = getattr(reader, method)

            def patched(*args):
                log(method, *args)
                return original(*args)

            setattr(reader, method, patched)
            waiting = asyncio.ensure_future(reader.read(100))
            await asyncio.sleep(0)
            peer.send(b"abc")
            assert await waiting == b"abc"
            delattr(reader, method)
            await send(peer, reader, b"def")
            setattr(reader, method, patched)
            peer.close()
            assert await reader.read() == b""

    loop.run_until_complete(main())
    assert (
        list(log)
        == {
            "feed_data": [("feed_data", b"abc")],
            # The end is told twice: when the peer has finished, and when the connection is lost.
            "feed_eof": [("feed_eof",)] * 2,
            "_wakeup_waiter": [("_wakeup_waiter",)] * 3,
        }[method]
    )


def test_a_protocol_that_is_patched(loop):
    log = Log()

    async def main():
        async with connection() as (reader, writer, peer):
            protocol = writer.transport.get_protocol()
            original = protocol.data_received

            def patched(data):
                log(data)
                original(data)

            protocol.data_received = patched
            await send(peer, reader, b"abc")
            del protocol.data_received
            await send(peer, reader, b"def")

    loop.run_until_complete(main())
    assert list(log) == [(b"abc",)]


def test_a_class_that_is_patched_while_connected(loop, monkeypatch):
    log = Log()
    original = asyncio.StreamReader.feed_data

    def patched(self, data):
        log(data)
        original(self, data)

    async def main():
        async with connection() as (reader, _writer, peer):
            with monkeypatch.context() as context:
                context.setattr(asyncio.StreamReader, "feed_data", patched)
                await send(peer, reader, b"abc")
            peer.send(b"def")
            await until(lambda: reader._buffer)
            assert await reader.read(100) == b"def"

    loop.run_until_complete(main())
    assert list(log) == [(b"abc",)]
