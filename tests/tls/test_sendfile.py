"""`sendfile` over TLS: by reading the file, since the kernel cannot encrypt (uvloop #228)."""

import asyncio
import io
import threading

import pytest

from ..connections import finish, pair
from ..support import PY311, differential, until

SIZE = 700_000
CONTENT = bytes(i * 7 % 251 for i in range(SIZE))


@pytest.fixture
def options(server_context, client_context):
    return {
        "server_context": server_context,
        "ssl": client_context,
        "server_hostname": "localhost",
    }


@pytest.mark.parametrize(("offset", "count"), [(0, None), (1000, 5000), (SIZE - 10, 100)])
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_file(tmp_path, options, offset, count, side):
    path = tmp_path / "content"
    path.write_bytes(CONTENT)

    async def scenario(loop, log):
        peer, client, server = await pair(loop, **options)
        sender, receiver = (client, peer) if side == "client" else (peer, client)
        with path.open("rb") as file:
            sender.transport.write(b"before ")
            log(await loop.sendfile(sender.transport, file, offset, count), file.tell())
            sender.transport.write(b" after")
            await until(lambda: receiver.data.endswith(b" after"))
        end = None if count is None else offset + count
        log(bytes(receiver.data) == b"before " + CONTENT[offset:end] + b" after")
        receiver.transport.write(b"answer")
        await until(lambda: sender.data == b"answer")
        await finish(server, peer, client)

    differential(scenario)


def test_without_fallback(tmp_path, options):
    path = tmp_path / "content"
    path.write_bytes(CONTENT)

    async def scenario(loop, log):
        peer, client, server = await pair(loop, **options)
        with path.open("rb") as file:
            try:
                await loop.sendfile(client.transport, file, fallback=False)
            except Exception as error:
                log(type(error), str(error).split(" <")[0])
            log(file.tell(), client.transport.get_write_buffer_size())
        await finish(server, peer, client)

    differential(scenario)


def test_what_has_no_descriptor(options):
    async def scenario(loop, log):
        peer, client, server = await pair(loop, **options)
        log(await loop.sendfile(client.transport, io.BytesIO(CONTENT), 10, 100_000))
        await until(lambda: len(peer.data) == 100_000)
        log(bytes(peer.data) == CONTENT[10:100_010])
        await finish(server, peer, client)

    differential(scenario)


@pytest.mark.skipif(not PY311, reason="asyncio of CPython 3.10 fails with AttributeError")
def test_the_peer_leaves_meanwhile(options):
    async def scenario(loop, log):
        peer, client, server = await pair(loop, **options)
        peer.transport.pause_reading()
        file = io.BytesIO(bytes(30_000_000))
        sending = asyncio.ensure_future(loop.sendfile(client.transport, file))
        # More than the TLS of the peer keeps: with data unread its leaving is a reset, not an end.
        await until(lambda: file.tell() > 1_000_000)
        peer.transport.abort()
        try:
            await sending
        except ConnectionError:
            log("a connection error")
        await finish(server, peer, client)
        try:
            await loop.sendfile(client.transport, io.BytesIO(b"late"))
        except RuntimeError as error:
            log(error)

    differential(scenario)


@pytest.mark.skipif(not PY311, reason="TLS of asyncio on CPython 3.10 is another one")
def test_the_peer_ends_meanwhile(options):
    """An orderly end from below the TLS is no error to who sends: the rest goes nowhere."""

    async def scenario(loop, log):
        peer, client, server = await pair(loop, **options)
        ended = threading.Event()

        class File(io.BytesIO):
            def readinto(self, buffer):
                if self.tell() > 0:
                    ended.wait(10)
                return super().readinto(buffer)

        sending = asyncio.ensure_future(loop.sendfile(client.transport, File(bytes(200_000))))
        await until(lambda: len(peer.data) == 16384)
        peer.transport.abort()
        await peer.lost
        await asyncio.sleep(0.05)
        log(client.transport.is_closing())
        ended.set()
        log(await sending)
        await finish(server, peer, client)

    differential(scenario)
