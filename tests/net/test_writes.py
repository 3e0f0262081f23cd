"""`transport.write` sends at once what the kernel takes: for whoever shares the descriptor, blocks, forks or asks next."""

import asyncio
import contextlib
import os
import selectors
import socket
import sys

import pytest

from ..connections import socket_pair
from ..support import OTHERS, PY312, PY315, checked_loop, differential, run_script

LARGE = bytes(range(256)) * 256


async def connect(loop, factory=asyncio.Protocol):
    """A transport, and the plain socket at its other end."""
    ours, theirs = socket_pair()
    transport, _ = await loop.create_connection(factory, sock=ours)
    return transport, theirs


async def drain(loop, theirs):
    got = bytearray()
    while data := await loop.sock_recv(theirs, 1 << 20):
        got += data
    theirs.close()
    return bytes(got)


async def leave(transport, theirs):
    transport.abort()
    await asyncio.sleep(0)
    theirs.close()


def small_and_large(transport):
    transport.write(b"a")
    transport.write(LARGE)
    transport.write(b"b" * 10)
    transport.writelines([b"c", b"d" * 3000, b"e"])
    transport.write(b"f" * 2000)
    for _ in range(5000):
        transport.write(b"gh")
    return b"a" + LARGE + b"b" * 10 + b"c" + b"d" * 3000 + b"e" + b"f" * 2000 + b"gh" * 5000


@pytest.mark.parametrize("end", ["close", "write_eof", "later"])
def test_order_is_kept(loop, end):
    async def main():
        transport, theirs = await connect(loop)
        expected = small_and_large(transport)
        if end == "later":
            await asyncio.sleep(0)
            transport.close()
        else:
            getattr(transport, end)()
        assert await drain(loop, theirs) == expected
        transport.close()
        await asyncio.sleep(0)

    loop.run_until_complete(main())


def test_abort_loses_nothing_that_asyncio_would_have_sent(loop):
    async def main():
        transport, theirs = await connect(loop)
        transport.write(b"last ")
        transport.write(b"words")
        transport.abort()
        assert await drain(loop, theirs) == b"last words"

    loop.run_until_complete(main())


def test_a_view_that_is_sent_at_once_is_let_go(loop):
    async def main():
        transport, theirs = await connect(loop)
        data = bytearray(b"before")
        transport.write(data)
        transport.write(memoryview(data))
        data[:] = b"after, and longer"
        transport.close()
        assert await drain(loop, theirs) == b"beforebefore"

    loop.run_until_complete(main())


@pytest.mark.parametrize("of", [bytearray, memoryview])
@pytest.mark.parametrize("behind", [False, True])
def test_what_is_kept_of_data_that_changes(of, behind):
    """Before 3.12 asyncio copies what it keeps of a view; since then it keeps the view itself."""

    async def scenario(loop, log):
        transport, theirs = await connect(loop)
        if behind:
            transport.write(b"0" * 1_000_000)
        data = bytearray(b"1" * 1_000_000)
        transport.write(of(data))
        # Of a bytearray asyncio keeps a view of its own since 3.12, which is a fault.
        if of is memoryview or not PY312:
            data[:] = b"2" * len(data)
        transport.close()
        got = await drain(loop, theirs)
        if behind:
            log(got.count(b"1"), got.count(b"2"))
        else:  # how much went at once is the kernel's
            log(len(got), got.count(b"2") > 0)

    differential(scenario)


@pytest.mark.skipif(PY312, reason="the view is kept since 3.12")
def test_a_view_may_be_released_once_it_is_written():
    async def scenario(loop, log):
        transport, theirs = await connect(loop)
        transport.write(b"0" * 1_000_000)
        with memoryview(bytearray(b"1" * 1000)) as view:
            transport.write(view)
        transport.close()
        log((await drain(loop, theirs)).count(b"1"))

    differential(scenario)


def test_writelines_begins_to_watch_anew():
    """What the loop saw in this turn is for who watched before: since 3.12 `writelines` takes its place."""

    def take(theirs):
        with contextlib.suppress(BlockingIOError):
            theirs.recv(1 << 20)

    async def scenario(loop, log):
        transport, theirs = await connect(loop)
        for more in (transport.write, lambda data: transport.writelines([data])):
            transport.write(b"x" * 3_000_000)
            take(theirs)
            await asyncio.sleep(0)  # writable, and its callback is queued behind this step
            more(b"y")
            before = transport.get_write_buffer_size()
            take(theirs)
            await asyncio.sleep(0)
            log(transport.get_write_buffer_size() < before)
            while transport.get_write_buffer_size():
                take(theirs)
                await asyncio.sleep(0)
        await leave(transport, theirs)

    differential(scenario)


def test_the_size_of_the_buffer_is_what_the_kernel_did_not_take(loop):
    async def main():
        transport, theirs = await connect(loop)
        transport.write(b"small")
        assert transport.get_write_buffer_size() == 0
        assert theirs.recv(100) == b"small"
        transport.close()
        await asyncio.sleep(0)
        theirs.close()

    loop.run_until_complete(main())


def test_without_a_running_loop_a_write_goes_out_at_once(loop):
    transport, theirs = loop.run_until_complete(connect(loop))
    transport.write(b"now")
    assert theirs.recv(100) == b"now"
    transport.close()
    loop.run_until_complete(asyncio.sleep(0))
    theirs.close()


def test_what_ends_the_loop_does_not_keep_a_write(loop):
    transport, theirs = loop.run_until_complete(connect(loop))

    def leave():
        transport.write(b"bye")
        raise SystemExit(3)

    loop.call_soon(leave)
    with pytest.raises(SystemExit):
        loop.run_forever()
    assert theirs.recv(100) == b"bye"
    transport.close()
    loop.run_until_complete(asyncio.sleep(0))
    theirs.close()


def test_a_write_in_resume_writing_does_not_leave_the_socket_watched(loop):
    class Refill(asyncio.Protocol):
        refills = 0

        def connection_made(self, transport):
            self.transport = transport

        def resume_writing(self):
            self.refills += 1
            self.transport.write(b"more")

    async def main():
        transport, theirs = await connect(loop, Refill)
        protocol = transport.get_protocol()
        transport.write(b"x" * 3_000_000)
        assert transport.get_write_buffer_size() > 0
        got = 0
        while got < 3_000_004:
            got += len(await loop.sock_recv(theirs, 1 << 20))
        assert protocol.refills == 1
        await asyncio.sleep(0.01)
        assert "write=<idle" in repr(transport)
        transport.close()
        await asyncio.sleep(0)
        theirs.close()

    loop.run_until_complete(main())


@pytest.mark.parametrize("name", ["asyncio", *OTHERS])
def test_who_asks_for_the_socket_finds_it_written(name):
    async def main(loop):
        transport, theirs = await connect(loop)
        transport.write(b"data")
        transport.get_extra_info("socket").shutdown(socket.SHUT_WR)
        assert await loop.sock_recv(theirs, 100) == b"data"
        transport.write(b"lost")
        transport.abort()
        await asyncio.sleep(0)
        theirs.close()

    with checked_loop(name) as (loop, _):
        loop.run_until_complete(main(loop))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="buffers in Python are new in CPython 3.12")
# asyncio asks what it is given for its length since 3.15, which this object does not have.
@pytest.mark.parametrize("name", OTHERS if PY315 else ["asyncio", *OTHERS])
def test_an_empty_buffer_whose_release_writes(name):
    async def main(loop):
        transport, theirs = await connect(loop)

        class Empty:
            def __buffer__(self, flags):
                return memoryview(b"")

            def __release_buffer__(self, view):
                transport.write(b"x")

        transport.writelines([Empty(), b"yy"])
        await asyncio.sleep(0.01)
        assert sorted(await loop.sock_recv(theirs, 100)) == sorted(b"xyy")
        transport.close()
        await asyncio.sleep(0)
        theirs.close()

    with checked_loop(name) as (loop, _):
        loop.run_until_complete(main(loop))


# A forked child cannot go on in asyncio's loop since 3.14.
@pytest.mark.parametrize("name", OTHERS)
def test_a_fork_does_not_send_twice(name):
    async def main(loop):
        transport, theirs = await connect(loop)
        transport.write(b"once")
        pid = os.fork()
        if pid == 0:
            try:
                await asyncio.sleep(0)
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        await asyncio.sleep(0)
        assert await loop.sock_recv(theirs, 100) == b"once"
        transport.close()
        await asyncio.sleep(0)
        theirs.close()

    with checked_loop(name) as (loop, _):
        loop.run_until_complete(main(loop))


def test_whoever_blocks_the_loop_finds_it_sent():
    async def scenario(loop, log):
        transport, theirs = await connect(loop)
        theirs.settimeout(10)
        transport.write(b"question")
        log(theirs.recv(100))
        transport.writelines([b"one", b"two"])
        log(theirs.recv(100))
        await leave(transport, theirs)

    differential(scenario)


def test_others_write_to_the_same_descriptor():
    async def scenario(loop, log):
        transport, theirs = await connect(loop)
        shown = transport.get_extra_info("socket")
        transport.write(b"1")
        os.write(shown.fileno(), b"2")
        transport.write(b"3")
        shown.shutdown(socket.SHUT_WR)
        log(await drain(loop, theirs))
        await leave(transport, theirs)

    differential(scenario)


def test_the_order_among_connections():
    async def scenario(loop, log):
        first, first_peer = await connect(loop)
        second, second_peer = await connect(loop)
        with selectors.DefaultSelector() as selector:
            selector.register(first_peer, selectors.EVENT_READ, "first")
            selector.register(second_peer, selectors.EVENT_READ, "second")
            for transport in (first, second):
                transport.write(b"small")
                log(sorted(key.data for key, _ in selector.select(0)))
        await leave(first, first_peer)
        await leave(second, second_peer)

    differential(scenario)


@pytest.mark.parametrize("then", ["is_closing", "abort", "write", "call_soon", "close"])
def test_the_peer_is_gone(then, caplog):
    """What the failed write leads to comes before what the program does next."""

    async def scenario(loop, log):
        class Protocol(asyncio.Protocol):
            def connection_lost(self, error):
                log("lost", type(error))
                lost.set_result(None)

        lost = loop.create_future()
        transport, theirs = await connect(loop, Protocol)
        transport.pause_reading()
        theirs.close()
        transport.write(b"a")
        if then == "is_closing":
            log(transport.is_closing())
        elif then == "write":
            for _ in range(7):
                transport.write(b"b")
        elif then == "call_soon":
            loop.call_soon(log, "called")
        else:
            getattr(transport, then)()
        await lost
        log([record.getMessage() for record in caplog.records])
        caplog.clear()

    differential(scenario)


def test_the_protocol_is_paused_by_the_write_that_is_too_much():
    async def scenario(loop, log):
        class Protocol(asyncio.Protocol):
            def pause_writing(self):
                log("paused", written)

        transport, theirs = await connect(loop, Protocol)
        shown = transport.get_extra_info("socket")
        shown.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        transport.set_write_buffer_limits(high=1000)
        for written in range(40):
            transport.write(bytes(500))
        log(transport.get_write_buffer_size())
        await leave(transport, theirs)

    differential(scenario)


def test_the_program_is_replaced_by_another():
    program = """
        import asyncio, os, socket, sys
        from loop_under_test import run

        async def main():
            ours, theirs = socket.socketpair()
            transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
            os.set_inheritable(theirs.fileno(), True)
            transport.write(b"written")
            code = "import os, sys; print(os.read(int(sys.argv[1]), 100))"
            os.execv(sys.executable, [sys.executable, "-c", code, str(theirs.fileno())])

        run(main())
    """
    for name in ["asyncio", *OTHERS]:
        assert run_script(name, program).stdout == "b'written'\n"
