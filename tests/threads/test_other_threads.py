"""Calls from another thread while the loop waits in the kernel.

asyncio does not promise that they work, but they do there: programs get away with them, and must not fail here.
"""

import asyncio
import gc
import socket
import threading
import time
import weakref

import pytest

from ..support import PY311, Recorder, checked_loop, open_fds, until


def from_a_thread(loop, call, *, wake=True):
    """Run the loop with nothing to do, make `call()` in a thread meanwhile, and give what it returned."""
    results = []

    def work():
        time.sleep(0.02)  # the loop is in its wait by now
        try:
            results.append(call())
        except BaseException as error:
            results.append(error)
        if wake:
            loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=work)
    thread.start()
    loop.run_forever()
    thread.join()
    return results[0]


def turn(loop):
    loop.run_until_complete(asyncio.sleep(0.002))


@pytest.fixture
def pair():
    a, b = socket.socketpair()
    for end in (a, b):
        end.settimeout(5)
    a.setblocking(False)
    yield a, b
    a.close()
    b.close()


@pytest.fixture
def connection(loop, pair):
    """A transport on one end of a pair of sockets, and the other end, which blocks."""
    ours, theirs = pair

    async def connect():
        return await loop.connect_accepted_socket(Recorder, ours)

    transport, protocol = loop.run_until_complete(connect())
    yield transport, protocol, theirs
    if not transport.is_closing():
        transport.abort()
        turn(loop)


def test_watchers_are_removed(loop, pair):
    a, b = pair
    called = []
    loop.add_reader(a, called.append, "reader")
    assert from_a_thread(loop, lambda: loop.remove_reader(a)) is True
    assert loop.remove_reader(a) is False
    b.send(b"x")
    turn(loop)
    assert called == []
    assert from_a_thread(loop, lambda: loop.remove_reader(a)) is False
    a.send(b"x")
    loop.add_writer(a, lambda: None)
    turn(loop)
    loop.remove_writer(a)
    assert from_a_thread(loop, lambda: loop.remove_writer(a)) is False


def test_watchers_are_added_and_called(loop, pair):
    a, b = pair

    def ready():
        assert a.recv(10) == b"x"
        loop.stop()

    def call():
        loop.add_reader(a, ready)
        b.send(b"x")

    assert from_a_thread(loop, call, wake=False) is None
    assert loop.remove_reader(a) is True


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_transport_writes_at_once(loop, connection, size):
    transport, _, peer = connection

    def call():
        transport.write(b"x" * size)
        got = 0
        while got < size:
            got += len(peer.recv(1_000_000))
        return got

    assert from_a_thread(loop, call) == size


def test_writelines_and_the_end(loop, connection):
    transport, _, peer = connection

    def call():
        transport.writelines([b"a", b"b"])
        transport.write_eof()
        got = b""
        while more := peer.recv(10):
            got += more
        return got

    assert from_a_thread(loop, call) == b"ab"


def test_a_transport_pauses_and_resumes(loop, connection):
    transport, protocol, peer = connection
    assert from_a_thread(loop, transport.pause_reading) is None
    peer.send(b"x")
    turn(loop)
    assert protocol.data == b""
    assert not transport.is_reading()
    assert from_a_thread(loop, transport.resume_reading) is None
    assert transport.is_reading()
    turn(loop)
    assert protocol.data == b"x"


@pytest.mark.parametrize("how", ["close", "abort"])
def test_a_transport_ends(loop, connection, how):
    transport, protocol, peer = connection
    assert from_a_thread(loop, getattr(transport, how)) is None
    turn(loop)
    assert protocol.events == ["made", ("lost", None)]
    assert peer.recv(10) == b""


def test_a_server_is_closed(loop):
    async def serve():
        return await loop.create_server(Recorder, "127.0.0.1", 0)

    server = loop.run_until_complete(serve())
    address = server.sockets[0].getsockname()
    assert from_a_thread(loop, server.close) is None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    loop.run_until_complete(server.wait_closed())


def test_many_calls_while_the_loop_is_busy(loop, loop_name, connection):
    """Two threads and the loop take turns, and nothing is lost, which asyncio's loop does not promise."""
    if loop_name == "asyncio":
        pytest.skip("asyncio's transport loses data when two threads write at once")
    transport, _, peer = connection
    count = 300
    received = []

    def receive():
        while len(received) < 3 * count:
            received.extend(peer.recv(10_000))

    def write(byte):
        for i in range(count):
            transport.write(byte)
            if i % 10 == 0:
                time.sleep(0.0001)

    async def main():
        threads = [threading.Thread(target=write, args=(byte,)) for byte in (b"a", b"b")]
        threads.append(threading.Thread(target=receive))
        for thread in threads:
            thread.start()
        for _ in range(count):
            transport.write(b"c")
            await asyncio.sleep(0)
        for thread in threads:
            await loop.run_in_executor(None, thread.join)

    loop.run_until_complete(main())
    assert {byte: received.count(byte) for byte in b"abc"} == dict.fromkeys(b"abc", count)


def test_debug_mode_refuses_what_schedules(loop_name):
    with checked_loop(loop_name, debug=True) as (loop, reports):
        a, b = socket.socketpair()
        c, d = socket.socketpair()
        a.setblocking(False)
        c.setblocking(False)

        async def connect():
            return await loop.connect_accepted_socket(Recorder, a)

        async def coro():
            pass

        transport, _ = loop.run_until_complete(connect())
        future = loop.create_future()
        future.add_done_callback(lambda _: None)
        coroutine = coro()

        def call():
            errors = []
            for attempt in (
                transport.close,
                lambda: future.set_result(None),
                lambda: loop.create_task(coroutine),
                lambda: loop.add_reader(c, print),
                lambda: loop.remove_reader(c),
                lambda: transport.pause_reading(),
            ):
                try:
                    attempt()
                except RuntimeError as error:
                    errors.append(str(error))
                else:
                    errors.append(None)
            return errors

        refused = "Non-thread-safe operation invoked on an event loop other than the current one"
        assert from_a_thread(loop, call) == [refused] * 3 + [None] * 3
        coroutine.close()
        # What was refused was half done, as in asyncio: nobody tells the protocol.
        transport._call_connection_lost(None)
        turn(loop)
        loop.remove_reader(c)
        for end in (b, c, d):
            end.close()
        transport = future = None
        gc.collect()
        reports.clear()


@pytest.mark.parametrize("accepted", [True, False])
def test_the_collector_of_another_thread_closes_a_dropped_transport(loop, loop_name, accepted):
    """Nobody watches a paused transport, so the collector finds it, wherever it runs."""
    if loop_name == "asyncio" and not PY311:
        pytest.skip("3.10's asyncio reads on when it is paused in connection_made")
    protocols = []

    class Cyclic(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.pause_reading()
            self.myself = self
            protocols.append(weakref.ref(self))

    async def connect():
        if accepted:
            server = await loop.create_server(Cyclic, "127.0.0.1", 0)
            peer = socket.create_connection(server.sockets[0].getsockname())
            await until(lambda: protocols)
            server.close()
        else:
            sock, peer = socket.socketpair()
            sock.setblocking(False)
            await loop.connect_accepted_socket(Cyclic, sock)
        peer.settimeout(5)
        return peer

    before = open_fds()
    gc.disable()
    try:
        with loop.run_until_complete(connect()) as peer:
            with pytest.warns(ResourceWarning, match="unclosed"):
                from_a_thread(loop, gc.collect)
            # The warning held the transport; since 3.15 that keeps weak references alive too.
            gc.collect()
            assert protocols[0]() is None
            assert peer.recv(10) == b""
    finally:
        gc.enable()
    assert {fd for fd, what in open_fds().items() if before.get(fd) != what} == set()
