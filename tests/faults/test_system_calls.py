"""System calls fail in ways that end something: who is told, how often, and what goes on.

These tests need a build with faults: `make faults` makes one and runs them on it.
"""

import asyncio
import collections
import contextlib
import errno
import gc
import socket
import weakref
from pathlib import Path

import pytest

from ..support import LOOPS, until
from . import system_calls
from .system_calls import connect, fail

pytestmark = pytest.mark.skipif(
    "riata" in LOOPS and not system_calls.have_faults(),
    reason="this build of riata has no faults; `make faults` makes one",
)

ENDS = [
    *(("recv", number) for number in (errno.ECONNRESET, errno.ENOBUFS, errno.ENOMEM)),
    *(("send", number) for number in (errno.ECONNRESET, errno.EPIPE, errno.ENOBUFS, errno.ENOMEM)),
]
EXHAUSTED = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM]


@pytest.fixture
def fault(request, monkeypatch, loop_name):
    """The one fault of `loop`, which is made after this."""
    call, error, *skip = request.param
    fail(monkeypatch, loop_name, call, error, skip=skip[0] if skip else 0)
    return call, error


def faults(cases):
    def name(case):
        return "-".join([case[0], errno.errorcode[case[1]], *map(str, case[2:])])

    return pytest.mark.parametrize("fault", cases, indirect=True, ids=name)


class Events(asyncio.Protocol):
    """Echoes, and remembers what it was told."""

    def __init__(self):
        self.events = []

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.events.append(data)
        self.transport.write(data)

    def eof_received(self):
        self.events.append("eof")

    def connection_lost(self, error):
        self.events.append(("lost", error and error.errno))


class Buffered(Events, asyncio.BufferedProtocol):
    def get_buffer(self, hint):
        self.buffer = bytearray(100)
        return self.buffer

    def buffer_updated(self, count):
        self.data_received(bytes(self.buffer[:count]))


async def ask(peer, data):
    """What the peer receives for `data`; nothing when the connection ends."""
    try:
        peer.send(data)
        for _ in range(5000):
            try:
                return peer.recv(100)
            except BlockingIOError:
                await asyncio.sleep(0.001)
    except ConnectionError:
        return b""
    raise AssertionError("no answer")


@pytest.mark.parametrize("protocol", [Events, Buffered])
@faults([(*end, skip) for end in ENDS for skip in (0, 1)])
def test_one_connection_ends_and_the_server_goes_on(fault, loop, protocol):
    call, error = fault
    made = []

    def factory():
        made.append(protocol())
        return made[-1]

    async def main():
        server = await loop.create_server(factory, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        peer = connect(address)
        answered = 0
        while await ask(peer, b"ping") == b"ping":
            answered += 1
        peer.close()
        await until(lambda: made[0].events and made[0].events[-1][0] == "lost")
        heard = answered if call == "recv" else answered + 1
        assert made[0].events == [b"ping"] * heard + [("lost", error)]
        # Everybody else is served.
        peer = connect(address)
        assert await ask(peer, b"alive") == b"alive"
        peer.close()
        await until(lambda: len(made[1].events) > 1 and made[1].events[-1] == ("lost", None))
        assert made[1].events == [b"alive", "eof", ("lost", None)]
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())


@faults([(*end, skip) for end in ENDS for skip in (0, 1)])
def test_streams_raise_it(fault, loop, reports):
    call, error = fault
    raised = []

    async def serve(reader, writer):
        try:
            while data := await reader.read(100):
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(0)
        except OSError as found:
            raised.append(found.errno)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        peer = connect(server.sockets[0].getsockname())
        while await ask(peer, b"ping") == b"ping":
            pass
        peer.close()
        await until(lambda: raised)
        # asyncio has sent by the time of `drain`, which says "Connection lost"; a small write goes out when the step ends, and
        # the next call raises the error itself.
        assert raised in ([error], [None])
        peer = connect(server.sockets[0].getsockname())
        assert await ask(peer, b"alive") == b"alive"
        peer.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)

    loop.run_until_complete(main())
    # Before 3.12 what `drain` has raised already may be reported by the transport's end, too.
    reports.clear()


@faults(ENDS)
def test_socket_calls_raise_it(fault, loop):
    call, error = fault

    async def main():
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with pytest.raises(OSError) as caught:
            if call == "recv":
                await loop.sock_recv(ours, 10)
            else:
                await loop.sock_sendall(ours, b"x")
        assert caught.value.errno == error
        assert type(caught.value) is type(OSError(error, ""))
        ours.close()
        theirs.close()

    loop.run_until_complete(main())


@pytest.mark.slow
@faults([("accept", number) for number in EXHAUSTED])
def test_accepting_is_put_off_and_comes_back(fault, loop, reports):
    _, error = fault

    async def main():
        server = await loop.create_server(Events, "127.0.0.1", 0)
        peer = connect(server.sockets[0].getsockname())
        assert await ask(peer, b"alive") == b"alive"
        peer.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)

    loop.run_until_complete(main())
    report = reports.take_one()
    assert report["message"] == "socket.accept() out of system resource"
    assert report["exception"].errno == error


@pytest.mark.skipif("riata" not in LOOPS, reason="about riata's driver")
@pytest.mark.parametrize("write", [False, True])
def test_a_descriptor_that_cannot_be_watched(monkeypatch, write):
    from riata import new_event_loop

    monkeypatch.setenv("RIATA_FAULTS", "rate=1,kinds=ENOSPC,times=1")
    loop = new_event_loop()
    ours, theirs = socket.socketpair()
    watch, forget = (
        (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    )
    with pytest.raises(OSError) as caught:
        watch(ours, loop.stop)
    assert caught.value.errno == errno.ENOSPC
    assert forget(ours) is False
    theirs.send(b"x")
    watch(ours, loop.stop)
    loop.run_forever()
    assert forget(ours) is True
    loop.close()
    ours.close()
    theirs.close()


@pytest.mark.skipif("riata" not in LOOPS, reason="about riata's driver")
def test_a_connection_that_cannot_be_watched(monkeypatch):
    """As in asyncio: reported, and the connection stays, deaf. What it cannot send is the writer's to hear."""
    from riata import new_event_loop

    # The listener is watched first, then the two connections.
    monkeypatch.setenv("RIATA_FAULTS", "rate=1,kinds=ENOSPC,skip=1,times=1")
    loop = new_event_loop()
    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(context))
    made = []

    def factory():
        made.append(Events())
        return made[-1]

    async def main():
        server = await loop.create_server(factory, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        deaf, peer = connect(address), None
        await until(lambda: reports)
        assert reports[0]["exception"].errno == errno.ENOSPC
        peer = connect(address)
        assert await ask(peer, b"alive") == b"alive"
        made[0].transport.abort()
        await until(lambda: made[0].events == [("lost", None)])
        deaf.close()
        peer.close()
        await until(lambda: made[1].events[-1] == ("lost", None))
        server.close()
        await server.wait_closed()

    loop.run_until_complete(main())
    assert len(reports) == 1
    loop.close()


def number_of(report):
    return getattr(report.get("exception"), "errno", None)


@pytest.mark.skipif("riata" not in LOOPS, reason="about riata's driver")
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_a_storm(monkeypatch, seed):
    """Everything fails at random. Each connection has one end, what arrives is how the stream began, nothing is kept."""
    from ..support import checked_loop

    words = "calls=recv+send+accept+name+option,kinds=harmless+harmful"
    monkeypatch.setenv("RIATA_FAULTS", f"seed={seed},rate=0.05,{words}")
    payload = bytes(range(256)) * 64
    every = []
    alive = weakref.WeakSet()

    class Counts(asyncio.Protocol):
        def __init__(self):
            self.got = bytearray()
            self.ends = []
            self.transport = None
            every.append(self)
            alive.add(self)

        def connection_made(self, transport):
            assert self.transport is None
            self.transport = transport

        def data_received(self, data):
            assert not self.ends
            self.got += data

        def connection_lost(self, error):
            self.ends.append(error)

    class Echo(Counts):
        def data_received(self, data):
            super().data_received(data)
            self.transport.write(data)

    class Asks(Counts):
        def connection_made(self, transport):
            super().connection_made(transport)
            for start in range(0, len(payload), 1000):
                transport.write(payload[start : start + 1000])

        def data_received(self, data):
            super().data_received(data)
            if len(self.got) == len(payload):
                self.transport.close()

    async def main(loop):
        server = await loop.create_server(Echo, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        for _ in range(5):
            clients = await asyncio.gather(
                *(loop.create_connection(Asks, *address) for _ in range(20)), return_exceptions=True
            )
            assert all(isinstance(made, tuple) for made in clients), clients
            await until(lambda: all(one.ends for one in every), seconds=20)
            for one in every:
                assert len(one.ends) == 1
                assert one.got == payload[: len(one.got)]
                assert one.ends[0] is None or one.ends[0].errno in known, one.ends
            ends.update(end and errno.errorcode[end.errno] for one in every for end in one.ends)
            every.clear()
        server.close()
        await server.wait_closed()
        return loop._fault_counts()

    known = {errno.ECONNRESET, errno.EPIPE, errno.ENOBUFS, errno.ENOMEM, errno.ENOTCONN}
    ends = collections.Counter()
    with checked_loop("riata") as (loop, reports):
        counts = loop.run_until_complete(main(loop))
        for report in reports.take():
            assert number_of(report) in {*EXHAUSTED}, report
    assert len(counts) >= 10, counts
    assert ends[None] and ends["ECONNRESET"] and ends["ENOBUFS"], ends
    gc.collect()
    assert not alive


def test_the_plan_is_checked(monkeypatch):
    from riata import new_event_loop

    monkeypatch.setenv("RIATA_FAULTS", "kinds=EFOO")
    with pytest.raises(OSError, match="RIATA_FAULTS: unknown fault `EFOO`; hint: harmless"):
        new_event_loop()


def test_tests_that_are_left_out_exist():
    from .plugin import COUNT_ON_THE_KERNEL

    top = Path(__file__).parents[2]
    for path, names in COUNT_ON_THE_KERNEL.items():
        text = (top / path).read_text()
        assert [name for name in names if f"def {name}(" not in text] == [], path
