"""`sock_sendto`, `sock_recvfrom` and `sock_recvfrom_into`, which are new in CPython 3.11."""

import asyncio
import socket

import pytest

from ..support import PY311, differential

pytestmark = pytest.mark.skipif(not PY311, reason="sock_sendto and its kin are new in CPython 3.11")


@pytest.fixture
def ends():
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
    yield sockets
    for sock in sockets:
        sock.close()


def test_there_and_back(loop, ends):
    a, b = ends

    async def main():
        waiting = loop.create_task(loop.sock_recvfrom(b, 100))
        await asyncio.sleep(0)
        assert await loop.sock_sendto(a, b"hello", b.getsockname()) == 5
        assert await waiting == (b"hello", a.getsockname())
        buffer = bytearray(10)
        assert await loop.sock_sendto(b, b"answer", a.getsockname()) == 6
        assert await loop.sock_recvfrom_into(a, buffer) == (6, b.getsockname())
        assert buffer[:6] == b"answer"
        await loop.sock_sendto(b, b"answer", a.getsockname())
        assert await loop.sock_recvfrom_into(a, buffer, 3) == (3, b.getsockname())

    loop.run_until_complete(main())


def test_cancelled(loop, ends):
    a, b = ends

    async def main():
        for make in (
            lambda: loop.sock_recvfrom(a, 10),
            lambda: loop.sock_recvfrom_into(a, bytearray(10)),
        ):
            task = loop.create_task(make())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
        await loop.sock_sendto(b, b"x", a.getsockname())
        assert (await loop.sock_recvfrom(a, 10))[0] == b"x"

    loop.run_until_complete(main())


def test_errors():
    async def scenario(loop, log):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)

        async def attempt(label, make):
            try:
                log(label, await make())
            except Exception as error:
                log(label, error)

        await attempt("no address", lambda: loop.sock_sendto(sock, b"x", None))
        await attempt("text", lambda: loop.sock_sendto(sock, "x", ("127.0.0.1", 9)))
        await attempt("size", lambda: loop.sock_recvfrom(sock, "x"))
        await attempt("negative", lambda: loop.sock_recvfrom(sock, -1))
        await attempt("read-only", lambda: loop.sock_recvfrom_into(sock, b"x"))
        loop.set_debug(True)
        sock.setblocking(True)
        await attempt("blocking", lambda: loop.sock_recvfrom(sock, 1))
        await attempt("blocking", lambda: loop.sock_sendto(sock, b"", ("127.0.0.1", 9)))
        loop.set_debug(False)
        sock.close()
        await attempt("closed", lambda: loop.sock_recvfrom(sock, 1))

    differential(scenario)
