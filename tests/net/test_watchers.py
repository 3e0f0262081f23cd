"""add_reader and add_writer: level-triggered, by descriptor, also when descriptors are closed and used again."""

import asyncio
import os
import signal
import socket
import weakref

import pytest

from ..support import differential, turns, until


@pytest.fixture
def ends():
    a, b = socket.socketpair()
    a.setblocking(False)
    b.setblocking(False)
    yield a, b
    a.close()
    b.close()


def test_reader(loop, ends):
    a, b = ends
    seen = []
    loop.add_reader(a, lambda: seen.append(a.recv(10)))
    turns(loop)
    assert seen == []
    b.send(b"x")
    turns(loop)
    assert seen == [b"x"]
    assert loop.remove_reader(a) is True
    assert loop.remove_reader(a) is False
    b.send(b"y")
    turns(loop)
    assert seen == [b"x"]


def test_it_is_level_triggered(loop, ends):
    a, b = ends
    count = 0

    def reader():
        nonlocal count
        count += 1

    b.send(b"x")
    loop.add_reader(a.fileno(), reader)
    turns(loop, 5)
    assert count == 5
    loop.remove_reader(a.fileno())


def test_level_triggered_while_other_work_is_ready(loop, ends):
    a, b = ends
    count = 0

    def reader():
        nonlocal count
        count += 1
        if count == 5:
            loop.stop()

    def spin():
        loop.call_soon(spin)

    b.send(b"x")
    loop.add_reader(a, reader)
    loop.call_soon(spin)
    loop.run_forever()
    assert count == 5
    loop.remove_reader(a)


def test_writer(loop, ends):
    a, b = ends
    seen = []
    loop.add_writer(a, seen.append, "writable")
    turns(loop, 2)
    assert seen == ["writable"] * 2
    assert loop.remove_writer(a) is True
    assert loop.remove_writer(a) is False
    turns(loop)
    assert len(seen) == 2


def test_reader_before_writer_on_one_descriptor(loop, ends):
    a, b = ends
    seen = []
    b.send(b"x")
    loop.add_writer(a, seen.append, "w")
    loop.add_reader(a, seen.append, "r")
    turns(loop)
    assert seen == ["r", "w"]
    assert loop.remove_writer(a)
    turns(loop)
    assert seen == ["r", "w", "r"]
    assert loop.remove_reader(a)


def test_a_second_call_replaces_the_first(loop, ends):
    a, b = ends
    seen = []
    b.send(b"x")
    loop.add_reader(a, seen.append, 1)
    loop.add_reader(a, seen.append, 2)
    turns(loop)
    assert seen == [2]
    loop.remove_reader(a)


def test_a_reader_removes_itself_and_others(loop, ends):
    a, b = ends
    c, d = socket.socketpair()
    seen = []
    fds = {a: "a", c: "c"}

    def reader(which):
        seen.append(which)
        for sock in fds:
            loop.remove_reader(sock)

    for sock, name in fds.items():
        loop.add_reader(sock, reader, name)
    b.send(b"x")
    d.send(b"x")
    turns(loop, 3)
    # Both were ready in one turn; asyncio cancels the handle that is removed, so only one runs.
    assert len(seen) == 1
    c.close()
    d.close()


def test_hang_up_is_readable_and_writable(loop, ends):
    a, b = ends
    seen = []
    loop.add_reader(a, seen.append, "r")
    b.close()
    turns(loop)
    assert seen == ["r"]
    loop.remove_reader(a)
    loop.add_writer(a, seen.append, "w")
    turns(loop)
    assert seen == ["r", "w"]
    loop.remove_writer(a)


def test_pipes(loop):
    r, w = os.pipe()
    seen = []
    loop.add_reader(r, lambda: seen.append(os.read(r, 10)))
    os.write(w, b"x")
    turns(loop)
    os.close(w)
    turns(loop)
    assert seen == [b"x", b""]
    loop.remove_reader(r)
    os.close(r)


def test_a_descriptor_closed_under_its_watcher(loop):
    a, b = socket.socketpair()
    fd = a.fileno()
    seen = []
    loop.add_reader(fd, seen.append, 1)
    a.close()
    b.close()
    turns(loop, 3)
    assert seen == []
    assert loop.remove_reader(fd) is True
    turns(loop)


def test_a_descriptor_used_again_after_remove(loop):
    seen = []
    for i in range(20):
        a, b = socket.socketpair()
        loop.add_reader(a.fileno(), seen.append, i)
        b.send(b"x")
        turns(loop)
        loop.remove_reader(a.fileno())
        a.close()
        b.close()
    assert seen == list(range(20))


def test_a_descriptor_used_again_without_remove(loop):
    """The old registration dies with the old file; the new one must not be refused because of it."""
    seen = []
    a, b = socket.socketpair()
    fd = a.fileno()
    loop.add_reader(fd, seen.append, "old")
    turns(loop)
    a.close()
    c, d = socket.socketpair()
    if c.fileno() != fd:
        os.dup2(c.fileno(), fd)
    d.send(b"x")
    turns(loop)
    # The new file under this number was never registered with the kernel.
    assert seen == []
    loop.remove_reader(fd)
    loop.add_reader(fd, seen.append, "new")
    turns(loop)
    assert seen == ["new"]
    loop.remove_reader(fd)
    if c.fileno() != fd:
        os.close(fd)
    for sock in (b, c, d):
        sock.close()


def test_one_of_two_copies_closed(loop):
    """Closing one copy of a descriptor keeps the file, and so the registration, alive in epoll."""
    a, b = socket.socketpair()
    copy = os.dup(a.fileno())
    seen = []
    loop.add_reader(a, lambda: seen.append(a.recv(10)))
    b.send(b"x")
    turns(loop)
    assert seen == [b"x"]
    assert loop.remove_reader(a)
    a.close()
    b.send(b"y")
    turns(loop, 2)
    assert seen == [b"x"]
    os.close(copy)
    b.close()


def test_regular_files_are_refused(loop, tmp_path):
    with open(tmp_path / "file", "w+") as file:
        with pytest.raises(PermissionError):
            loop.add_reader(file, print)
        with pytest.raises(PermissionError):
            loop.add_writer(file.fileno(), print)
        assert loop.remove_reader(file) is False
        turns(loop)


def test_wrong_descriptors():
    def scenario(loop, log):
        for bad in (-1, -5, -(2**70), 10**6, 2**31, 2**40, 2**70, "text", None, 1.5, object(), []):
            log.attempt("add_reader", loop.add_reader, bad, print)
            log.attempt("add_writer", loop.add_writer, bad, print)
            log.attempt("remove_reader", loop.remove_reader, bad)
            log.attempt("remove_writer", loop.remove_writer, bad)

        class BadFileno:
            def fileno(self):
                raise ZeroDivisionError("fileno")

        class TextFileno:
            def fileno(self):
                return "text"

        log.attempt("raises", loop.add_reader, BadFileno(), print)
        log.attempt("text", loop.add_reader, TextFileno(), print)
        with open(__file__) as file:
            log.attempt("a regular file", loop.add_reader, file, print)

    differential(scenario)


def test_descriptors_of_transports_are_refused(loop):
    async def main():
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        transport, _ = await loop.create_connection(
            asyncio.Protocol, *server.sockets[0].getsockname()
        )
        fd = transport.get_extra_info("socket").fileno()
        for call in (
            lambda: loop.add_reader(fd, print),
            lambda: loop.add_writer(fd, print),
            lambda: loop.remove_reader(fd),
            lambda: loop.remove_writer(fd),
        ):
            with pytest.raises(RuntimeError, match="is used by transport"):
                call()
        transport.abort()
        server.close()
        await asyncio.sleep(0.001)

    loop.run_until_complete(main())


def test_a_reader_that_raises_keeps_being_called(loop, ends, reports):
    a, b = ends

    def boom():
        raise ValueError("boom")

    loop.add_reader(a, boom)
    b.send(b"x")
    turns(loop, 2)
    loop.remove_reader(a)
    assert [type(c["exception"]) for c in reports.take()] == [ValueError] * 2


def test_watchers_from_within_a_callback(loop, ends):
    a, b = ends
    seen = []

    def writable():
        seen.append("w")
        loop.remove_writer(b)
        b.send(b"x")
        loop.add_reader(a, readable)

    def readable():
        seen.append("r")
        a.recv(1)
        loop.remove_reader(a)
        loop.stop()

    loop.add_writer(b, writable)
    loop.run_forever()
    assert seen == ["w", "r"]


def test_close_forgets_the_watchers(new_loop, ends):
    import gc
    import weakref

    class Thing:
        def __call__(self):
            pass

    loop = new_loop()
    thing = Thing()
    alive = weakref.ref(thing)
    loop.add_reader(ends[0], thing)
    del thing
    loop.close()
    gc.collect()
    assert alive() is None


def test_closing_the_loop_from_a_watchers_destructor(new_loop, ends):
    loop = new_loop()

    class Evil:
        def __call__(self):
            pass

        def __del__(self):
            loop.remove_reader(ends[1])
            loop.close()

    loop.add_reader(ends[0], Evil())
    loop.add_writer(ends[0], Evil())
    loop.add_reader(ends[1], Evil())
    loop.close()
    assert loop.is_closed()


def test_many_watchers(loop):
    pairs = [socket.socketpair() for _ in range(100)]
    seen = set()
    for i, (a, _) in enumerate(pairs):
        loop.add_reader(a, seen.add, i)
    for _, b in pairs[::2]:
        b.send(b"x")
    turns(loop)
    assert seen == set(range(0, 100, 2))
    for a, b in pairs:
        assert loop.remove_reader(a)
        a.close()
        b.close()


def test_reader_handle_context(loop, ends):
    import contextvars

    var = contextvars.ContextVar("var", default="none")
    a, b = ends
    seen = []
    context = contextvars.copy_context()
    context.run(var.set, "at registration")
    context.run(loop.add_reader, a, lambda: seen.append(var.get()))
    b.send(b"x")
    turns(loop)
    assert seen == ["at registration"]
    loop.remove_reader(a)


def test_add_reader_from_a_coroutine(loop, ends):
    a, b = ends

    async def main():
        future = loop.create_future()
        loop.add_reader(a, future.set_result, None)
        b.send(b"x")
        await future
        loop.remove_reader(a)
        got = []
        loop.add_reader(a, lambda: got.append(a.recv(5)))
        await until(lambda: got)
        loop.remove_reader(a)
        return got

    assert loop.run_until_complete(main()) == [b"x"]


def test_watchers_of_a_closed_socket_are_removed_by_it():
    def scenario(loop, log):
        a, b = socket.socketpair()
        loop.add_reader(a, print)
        a.close()
        log.attempt("reader", loop.remove_reader, a)
        log.attempt("again", loop.remove_reader, a)
        log.attempt("never", loop.remove_writer, socket.socket(fileno=b.detach()))

    differential(scenario)


def test_what_is_ready_is_seen_in_the_next_turn_of_a_busy_loop(ends):
    """The loop asks the kernel in every turn, also while callbacks are ready; programs count their `sleep(0)`s on it."""
    a, b = ends

    async def scenario(loop, log):
        turn = 0
        loop.add_reader(a, lambda: log("reader", turn, a.recv(10)))
        loop.add_signal_handler(signal.SIGUSR1, lambda: log("signal", turn))
        for turn in range(198):  # what is sent last is read, too
            if turn % 7 == 3:
                b.send(b"x")
            if turn % 70 == 9:
                signal.raise_signal(signal.SIGUSR1)
            await asyncio.sleep(0)
        loop.remove_signal_handler(signal.SIGUSR1)
        loop.remove_reader(a)

    differential(scenario)


def test_a_watched_object_lives_as_long_as_its_watcher(new_loop):
    class Owner:
        def __init__(self):
            self.sock, self.other = socket.socketpair()

        def fileno(self):
            return self.sock.fileno()

    loop = new_loop()
    owner = Owner()
    ends = [owner.sock, owner.other]
    weak = weakref.ref(owner)
    loop.add_reader(owner, print)
    loop.add_writer(owner, print)
    loop.remove_reader(owner)
    del owner
    assert weak() is not None
    loop.remove_writer(weak())
    assert weak() is None
    owner = Owner()
    ends += [owner.sock, owner.other]
    weak = weakref.ref(owner)
    loop.add_reader(owner, print)
    del owner
    loop.close()
    assert weak() is None
    for end in ends:
        end.close()
