"""`sendfile` and `sock_sendfile`: from the kernel where it can, from a buffer where it cannot."""

import asyncio
import io
import socket

import pytest

from ..connections import finish, pair
from ..support import differential, until

SIZE = 1_000_000
CONTENT = bytes(i * 7 % 251 for i in range(SIZE))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.parametrize(
    ("offset", "count"), [(0, None), (1000, None), (1000, 5000), (SIZE, None), (SIZE - 10, 100)]
)
def test_over_a_transport(path, offset, count):
    async def scenario(loop, log):
        peer, client, server = await pair(loop)
        with path.open("rb") as file:
            client.transport.write(b"before ")
            log(await loop.sendfile(client.transport, file, offset, count), file.tell())
            client.transport.write(b" after")
            await until(lambda: peer.data.endswith(b" after"))
        end = None if count is None else offset + count
        log(bytes(peer.data) == b"before " + CONTENT[offset:end] + b" after")
        log(client.transport.is_reading())
        peer.transport.write(b"answer")
        await until(lambda: client.data == b"answer")
        await finish(server, peer, client)

    differential(scenario)


def test_what_has_no_descriptor():
    async def scenario(loop, log):
        peer, client, server = await pair(loop)
        try:
            await loop.sendfile(client.transport, io.BytesIO(CONTENT), fallback=False)
        except Exception as error:
            log(type(error))
        log(await loop.sendfile(client.transport, io.BytesIO(CONTENT), 10, 100))
        await until(lambda: len(peer.data) == 100)
        log(bytes(peer.data) == CONTENT[10:110])
        await finish(server, peer, client)

    differential(scenario)


def test_writing_meanwhile(path):
    async def scenario(loop, log):
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        client.transport.write(b"x" * 10_000_000)
        with path.open("rb") as file:
            task = loop.create_task(loop.sendfile(client.transport, file))
            await asyncio.sleep(0)
            log.attempt("write", client.transport.write, b"y")
            log.attempt("writelines", client.transport.writelines, [b"y"])
            peer.transport.resume_reading()
            log(await task)
        await until(lambda: len(peer.data) == 10_000_000 + SIZE)
        await finish(server, peer, client)

    differential(scenario)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_the_connection_ends(path, when):
    async def scenario(loop, log):
        loop.set_exception_handler(
            lambda loop, context: None
        )  # asyncio reports an error of its own
        peer, client, server = await pair(loop)
        peer.transport.pause_reading()
        if when == "before":
            client.transport.close()
        with path.open("rb") as file:
            client.transport.write(b"x" * 10_000_000) if when == "meanwhile" else None
            task = loop.create_task(loop.sendfile(client.transport, file))
            await asyncio.sleep(0)
            peer.transport.abort()
            try:
                log(await task)
            except Exception as error:
                log(isinstance(error, (ConnectionError, RuntimeError)), type(error).__mro__[-4:])
        await finish(server, peer, client)

    differential(scenario)


def test_wrong_arguments(path):
    async def scenario(loop, log):
        peer, client, server = await pair(loop)
        a, b = socket.socketpair()
        a.setblocking(False)
        with path.open("rb") as file, path.open("r") as text:
            for args in (
                (file, -1),
                (file, 0, 0),
                (file, 0, -1),
                (file, 1.5),
                (file, 0, "x"),
                (text,),
                (None,),
            ):
                for send, where in ((loop.sendfile, client.transport), (loop.sock_sendfile, a)):
                    try:
                        log(await send(where, *args))
                    except Exception as error:
                        log(type(error), str(error))
            try:
                await loop.sendfile(object(), file)
            except Exception as error:
                log(type(error), str(error).split("<")[0])
        a.close()
        b.close()
        await finish(server, peer, client)

    differential(scenario)


@pytest.mark.parametrize(("offset", "count"), [(0, None), (1000, 5000), (SIZE, None)])
def test_over_a_socket(loop, path, offset, count):
    async def main():
        a, b = socket.socketpair()
        a.setblocking(False)
        b.setblocking(False)
        expected = CONTENT[offset : None if count is None else offset + count]
        with path.open("rb") as file:
            sending = loop.create_task(loop.sock_sendfile(a, file, offset, count))
            received = b""
            while len(received) < len(expected):
                received += await loop.sock_recv(b, 100_000)
            assert await sending == len(expected)
            assert not expected or file.tell() == offset + len(expected)
        assert received == expected
        a.close()
        b.close()

    loop.run_until_complete(main())


def test_cancelled(loop, path):
    async def main():
        a, b = socket.socketpair()
        a.setblocking(False)
        with path.open("rb") as file:
            task = loop.create_task(loop.sock_sendfile(a, file))
            await asyncio.sleep(0.01)
            assert not task.done()
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert not loop.remove_writer(a)
        a.close()
        b.close()

    loop.run_until_complete(main())
