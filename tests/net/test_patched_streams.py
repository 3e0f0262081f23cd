"""Stream readers and protocols whose methods somebody replaced, on the class or on one instance."""

import asyncio
import socket

import pytest

from ..support import Log, until


async def connection(loop):
    a, b = socket.socketpair()
    a.setblocking(False)
    b.settimeout(5)
    reader, writer = await asyncio.open_connection(sock=a)
    return reader, writer, b


@pytest.mark.parametrize("first", [False, True], ids=["before any data", "later"])
@pytest.mark.parametrize("method", ["feed_data", "feed_eof", "_wakeup_waiter"])
def test_a_reader_that_is_patched(loop, method, first):
    log = Log()

    async def main():
        reader, writer, peer = await connection(loop)
        if first:
            peer.send(b"plain")
            assert await reader.readexactly(5) == b"plain"
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
        peer.send(b"def")
        assert await reader.read(100) == b"def"
        setattr(reader, method, patched)
        peer.close()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

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
        reader, writer, peer = await connection(loop)
        protocol = writer.transport.get_protocol()
        original = protocol.data_received

        def patched(data):
            log(data)
            original(data)

        protocol.data_received = patched
        peer.send(b"abc")
        assert await reader.read(100) == b"abc"
        del protocol.data_received
        peer.send(b"def")
        assert await reader.read(100) == b"def"
        peer.close()
        writer.close()
        await writer.wait_closed()

    loop.run_until_complete(main())
    assert list(log) == [(b"abc",)]


def test_a_class_that_is_patched_while_connected(loop, monkeypatch):
    log = Log()

    async def main():
        reader, writer, peer = await connection(loop)
        original = asyncio.StreamReader.feed_data

        def patched(self, data):
            log(data)
            original(self, data)

        with monkeypatch.context() as context:
            context.setattr(asyncio.StreamReader, "feed_data", patched)
            peer.send(b"abc")
            assert await reader.read(100) == b"abc"
        peer.send(b"def")
        await until(lambda: reader._buffer)
        assert await reader.read(100) == b"def"
        peer.close()
        writer.close()
        await writer.wait_closed()

    loop.run_until_complete(main())
    assert list(log) == [(b"abc",)]
