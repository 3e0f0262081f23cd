"""loop.sock_recv and its kin."""

import asyncio
import os
import socket

import pytest

from ..connections import socket_pair
from ..support import PY311, differential, until


@pytest.fixture
def ends():
    a, b = socket_pair()
    yield a, b
    a.close()
    b.close()


def test_recv_and_sendall(loop, ends):
    a, b = ends

    async def main():
        await loop.sock_sendall(a, b"hello")
        assert await loop.sock_recv(b, 100) == b"hello"
        waiting = asyncio.ensure_future(loop.sock_recv(b, 3))
        await asyncio.sleep(0)
        assert not waiting.done()
        a.send(b"abcdef")
        assert await waiting == b"abc"
        assert await loop.sock_recv(b, 100) == b"def"
        a.close()
        assert await loop.sock_recv(b, 100) == b""

    loop.run_until_complete(main())


def test_recv_of_nothing_does_not_wait(loop, ends):
    async def main():
        assert await asyncio.wait_for(loop.sock_recv(ends[0], 0), 5) == b""
        assert await asyncio.wait_for(loop.sock_recv_into(ends[0], bytearray()), 5) == 0

    loop.run_until_complete(main())


def test_recv_into(loop, ends):
    a, b = ends

    async def main():
        buffer = bytearray(10)
        a.send(b"hello")
        assert await loop.sock_recv_into(b, buffer) == 5
        assert buffer == b"hello" + bytes(5)
        waiting = asyncio.ensure_future(loop.sock_recv_into(b, memoryview(buffer)[5:7]))
        await asyncio.sleep(0)
        a.send(b"xyz")
        assert await waiting == 2
        assert buffer == b"helloxy" + bytes(3)
        buffer.append(0)

    loop.run_until_complete(main())


def test_large_sendall_waits_for_the_reader(loop, ends):
    a, b = ends
    payload = bytes(range(256)) * 20_000

    async def main():
        sending = asyncio.ensure_future(loop.sock_sendall(a, payload))
        got = bytearray()
        while len(got) < len(payload):
            got += await loop.sock_recv(b, 100_000)
        await sending
        assert got == payload
        await loop.sock_sendall(a, b"")
        await loop.sock_sendall(a, memoryview(bytearray(b"view")))
        assert await loop.sock_recv(b, 10) == b"view"

    loop.run_until_complete(main())


def test_accept_and_connect(loop):
    async def main():
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        accepting = asyncio.ensure_future(loop.sock_accept(listener))
        await asyncio.sleep(0)
        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, listener.getsockname())
        accepted, address = await accepting
        assert address == sock.getsockname()
        assert accepted.gettimeout() == 0
        await loop.sock_sendall(accepted, b"hi")
        assert await loop.sock_recv(sock, 10) == b"hi"
        for one in (listener, sock, accepted):
            one.close()

    loop.run_until_complete(main())


def test_unix_connect(loop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def main():
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("s")
        listener.listen()
        listener.setblocking(False)
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        await loop.sock_connect(sock, "s")
        accepted, _ = await loop.sock_accept(listener)
        for one in (listener, sock, accepted):
            one.close()

    loop.run_until_complete(main())


def test_who_replaces_the_watcher_keeps_it(loop, ends):
    a, b = ends
    seen = []

    async def main():
        waiting = asyncio.ensure_future(loop.sock_recv(b, 10))
        await asyncio.sleep(0)
        loop.add_reader(b, lambda: seen.append(b.recv(10)))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        a.send(b"x")
        await until(lambda: seen)
        assert loop.remove_reader(b) is True

    loop.run_until_complete(main())
    assert seen == [b"x"]


def test_a_reader_that_is_ready_is_not_called_when_it_is_replaced(ends):
    a, b = ends

    async def scenario(loop, log):
        loop.add_reader(b, log, "called")
        a.send(b"x")
        await asyncio.sleep(0)
        # The reader is to be called later in this turn.
        b.recv(10)
        loop.call_soon(a.send, b"y")
        log(await loop.sock_recv(b, 10))

    differential(scenario)


def test_the_socket_is_watched_until_who_waits_goes_on(ends):
    a, b = ends

    async def scenario(loop, log):
        waiting = asyncio.ensure_future(loop.sock_recv(b, 10))
        await asyncio.sleep(0)
        a.send(b"x")
        await asyncio.sleep(0)
        # It is received later in this turn; the next one begins with what is called here.
        loop.call_soon(lambda: log(waiting.done(), loop.remove_reader(b)))
        log(await waiting)
        log(loop.remove_reader(b))

    differential(scenario)


def test_a_descriptor_used_again_while_data_was_ready(loop, ends):
    """Who waited for the closed socket must not receive what came for the new one of the same number."""
    a, b = ends
    c, d = socket.socketpair()
    c.setblocking(False)
    d.send(b"another's")

    async def main():
        waiting = asyncio.ensure_future(loop.sock_recv(b, 10))
        await asyncio.sleep(0)
        a.send(b"x")
        await asyncio.sleep(0)
        number = b.detach()
        os.dup2(c.fileno(), number)
        with pytest.raises(OSError, match="Bad file descriptor"):
            await waiting
        os.close(number)

    loop.run_until_complete(main())
    assert c.recv(10) == b"another's"
    c.close()
    d.close()


def test_connect_errors(loop):
    async def main():
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        sock.close()
        sock = socket.socket()
        sock.setblocking(False)
        with pytest.raises(ConnectionRefusedError):
            await loop.sock_connect(sock, ("127.0.0.1", port))
        sock.close()

    loop.run_until_complete(main())


def test_connect_resolves_names(loop):
    async def main():
        listener = socket.create_server(("127.0.0.1", 0))
        sock = socket.socket()
        sock.setblocking(False)
        await loop.sock_connect(sock, ("localhost", listener.getsockname()[1]))
        sock.close()
        listener.close()

    loop.run_until_complete(main())


def test_cancellation_drops_the_watcher(loop, ends):
    a, b = ends

    async def main():
        for _ in range(3):
            waiting = asyncio.ensure_future(loop.sock_recv(b, 10))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await asyncio.sleep(0)
            assert loop.remove_reader(b) is False
        a.send(b"not lost")
        assert await loop.sock_recv(b, 10) == b"not lost"
        sending = asyncio.ensure_future(loop.sock_sendall(a, b"x" * 10_000_000))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await asyncio.sleep(0)
        assert loop.remove_writer(a) is False
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        accepting = asyncio.ensure_future(loop.sock_accept(listener))
        await asyncio.sleep(0)
        accepting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await accepting
        await asyncio.sleep(0)
        assert loop.remove_reader(listener) is False
        listener.close()

    loop.run_until_complete(main())


def test_timeout_around_recv(loop, ends):
    a, b = ends

    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(loop.sock_recv(b, 10), 0.002)
        a.send(b"late")
        assert await asyncio.wait_for(loop.sock_recv(b, 10), 5) == b"late"

    loop.run_until_complete(main())


def test_reset_while_receiving(loop):
    import struct

    async def main():
        listener = socket.create_server(("127.0.0.1", 0))
        sock = socket.create_connection(listener.getsockname())
        sock.setblocking(False)
        accepted, _ = listener.accept()
        waiting = asyncio.ensure_future(loop.sock_recv(sock, 10))
        await asyncio.sleep(0)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        accepted.close()
        with pytest.raises(ConnectionResetError):
            await waiting
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            await loop.sock_sendall(sock, b"x" * 1_000_000)
        sock.close()
        listener.close()

    loop.run_until_complete(main())


def test_wrong_arguments():
    async def scenario(loop, log):
        a, b = socket.socketpair()

        async def attempt(label, make):
            try:
                log(label, await make())
            except Exception as error:
                log(label, error)

        loop.set_debug(True)
        await attempt("blocking recv", lambda: loop.sock_recv(a, 10))
        await attempt("blocking recv_into", lambda: loop.sock_recv_into(a, bytearray(1)))
        await attempt("blocking sendall", lambda: loop.sock_sendall(a, b""))
        await attempt("blocking connect", lambda: loop.sock_connect(a, "x"))
        await attempt("blocking accept", lambda: loop.sock_accept(a))
        loop.set_debug(False)
        a.setblocking(False)
        b.setblocking(False)
        b.send(b"x")
        await attempt("not a number", lambda: loop.sock_recv(a, "x"))
        await attempt("negative", lambda: loop.sock_recv(a, -1))
        await attempt("read-only", lambda: loop.sock_recv_into(a, b"read-only"))
        await attempt("no buffer", lambda: loop.sock_recv_into(a, None))
        await attempt("text", lambda: loop.sock_sendall(a, "text"))
        await attempt("none", lambda: loop.sock_sendall(a, None))
        a.close()
        await attempt("closed recv", lambda: loop.sock_recv(a, 1))
        await attempt("closed send", lambda: loop.sock_sendall(a, b"x"))
        b.close()

    differential(scenario)


def test_many_pairs_ping_pong(loop):
    async def main():
        async def echo(sock):
            while data := await loop.sock_recv(sock, 1000):
                await loop.sock_sendall(sock, data)
            sock.close()

        async def client(sock):
            for i in range(30):
                await loop.sock_sendall(sock, b"%d" % i)
                assert await loop.sock_recv(sock, 1000) == b"%d" % i
            sock.close()

        jobs = []
        for _ in range(20):
            a, b = socket.socketpair()
            a.setblocking(False)
            b.setblocking(False)
            jobs += [echo(a), client(b)]
        await asyncio.gather(*jobs)

    loop.run_until_complete(main())


def test_reading_and_writing_at_once(loop, ends):
    a, b = ends

    async def main():
        payload = b"z" * 2_000_000

        async def receive(sock):
            got = 0
            while got < len(payload):
                got += len(await loop.sock_recv(sock, 65536))
            return got

        sent = [loop.sock_sendall(a, payload), loop.sock_sendall(b, payload)]
        assert (await asyncio.gather(*sent, receive(a), receive(b)))[2:] == [len(payload)] * 2

    loop.run_until_complete(main())


@pytest.mark.skipif(not PY311, reason="sock_recvfrom and sock_sendto are new in CPython 3.11")
def test_the_present_names(loop):
    for name in ("sock_recvfrom", "sock_recvfrom_into", "sock_sendto", "sock_sendfile", "sendfile"):
        assert callable(getattr(loop, name))


def test_getaddrinfo_and_getnameinfo(loop):
    async def main():
        found = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
        assert (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80)) in found
        assert await loop.getaddrinfo(
            "localhost", "http", family=socket.AF_INET, type=socket.SOCK_STREAM
        )
        with pytest.raises(socket.gaierror):
            await loop.getaddrinfo("name.invalid", 1)
        assert await loop.getnameinfo(
            ("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        ) == (
            "127.0.0.1",
            "80",
        )

    loop.run_until_complete(main())


def test_nothing_else_is_disturbed(loop, ends):
    a, b = ends

    async def main():
        ticks = []

        async def tick():
            while True:
                ticks.append(1)
                await asyncio.sleep(0)

        task = asyncio.ensure_future(tick())
        waiting = asyncio.ensure_future(loop.sock_recv(b, 10))
        await until(lambda: len(ticks) > 100)
        a.send(b"x")
        assert await waiting == b"x"
        task.cancel()

    loop.run_until_complete(main())


@pytest.mark.parametrize("method", ["recv", "recv_into", "send"])
def test_a_socket_that_raises_what_no_future_takes(loop, reports, method):
    """StopIteration cannot be set on a future everywhere; the loop goes on, whatever becomes of it."""

    class Odd(socket.socket):
        armed = False

        def recv(self, *args):
            return self.odd("recv", args)

        def recv_into(self, *args):
            return self.odd("recv_into", args)

        def send(self, *args):
            return self.odd("send", args)

        def odd(self, name, args):
            if self.armed:
                raise StopIteration(name)
            raise BlockingIOError

    a, b = socket.socketpair()
    odd = Odd(fileno=a.detach())
    odd.setblocking(False)
    b.send(b"x")

    async def main():
        call = {
            "recv": lambda: loop.sock_recv(odd, 10),
            "recv_into": lambda: loop.sock_recv_into(odd, bytearray(10)),
            "send": lambda: loop.sock_sendall(odd, b"abc"),
        }[method]
        waiting = asyncio.ensure_future(call())
        await asyncio.sleep(0)
        odd.armed = True
        await asyncio.wait([waiting], timeout=0.05)
        if not waiting.done():
            waiting.cancel()
        (outcome,) = await asyncio.gather(waiting, return_exceptions=True)
        return type(outcome)

    outcome = loop.run_until_complete(main())
    assert outcome in (asyncio.CancelledError, RuntimeError)
    heard = reports.take()
    if outcome is asyncio.CancelledError:
        assert {type(context["exception"]) for context in heard} == {TypeError}
    odd.close()
    b.close()
    assert loop.run_until_complete(asyncio.sleep(0, "alive")) == "alive"


def test_an_object_that_only_looks_like_a_socket(loop, ends):
    """Outside debug mode asyncio asks it for nothing but what it needs."""
    a, b = ends

    class Duck:
        def fileno(self):
            return a.fileno()

        def recv(self, count):
            return a.recv(count)

        def send(self, data):
            return a.send(data)

    async def main():
        b.send(b"quack")
        assert await loop.sock_recv(Duck(), 10) == b"quack"
        await loop.sock_sendall(Duck(), b"answer")
        assert b.recv(10) == b"answer"

    loop.run_until_complete(main())


@pytest.mark.parametrize("method", ["sock_recv", "sock_recv_into", "sock_sendall"])
def test_descriptors_that_are_none(method):
    class Duck:
        def __init__(self, number):
            self.fileno = lambda: number

        def never(self, argument):
            raise BlockingIOError

        recv = recv_into = send = never

    async def scenario(loop, log):
        for number in ("x", None, 3.5, -1, 2**40, -(2**70)):
            try:
                log(
                    await getattr(loop, method)(
                        Duck(number), b"1" if method == "sock_sendall" else 1
                    )
                )
            except Exception as error:
                log(number, error)

    differential(scenario)


@pytest.mark.parametrize("change", ["clear", "extend", "overwrite"])
def test_data_keeps_its_size_while_it_is_sent(change):
    async def scenario(loop, log):
        ours, theirs = socket_pair()
        data = bytearray(3_000_000)
        task = loop.create_task(loop.sock_sendall(ours, data))
        await asyncio.sleep(0.001)
        if change == "overwrite":
            data[-1:] = b"!"
        else:
            log.attempt(change, getattr(data, change), *([b"!"] if change == "extend" else []))
        got = bytearray()
        while len(got) < len(data):
            got += await loop.sock_recv(theirs, 1 << 20)
        log(await task, len(got), got[-1])
        del task
        log.attempt("after", data.clear)
        ours.close()
        theirs.close()

    differential(scenario)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_a_message_is_received_whole(kind):
    async def scenario(loop, log):
        ours, theirs = socket_pair(socket.AF_UNIX, kind)
        for sock in (ours, theirs):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        size = min(400_000, theirs.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) - 10_000)
        theirs.send(bytes(size))
        log(len(await loop.sock_recv(ours, 1 << 20)) == size, size > 262_144)
        ours.close()
        theirs.close()

    differential(scenario)
