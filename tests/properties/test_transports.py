"""Random programs of transports over socket pairs: each end of a connection sees on the loop under test what it sees on
asyncio's.

A program is a list of batches. The operations of a batch are done in one callback, for what a loop does with several of
them at once is what is asked here; then the loop runs until nothing happens any more. An end may also have reactions:
operations that it does on itself within a protocol's callback, the first time that this is called.

While one end has much to write, how the other's hanging up shows (as an end of file, a reset or a broken pipe) depends on
when the loop looks: so only end 0 writes much, and then end 1 does not hang up.
"""

import asyncio
import socket
import ssl

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from ..support import PY311
from .ends import LARGE, SMALL, End, Flow, Reports, finish, run_batches, settle
from .fuzzing import compare, examples, marks

pytestmark = marks

end = st.integers(0, 1)
action = st.one_of(
    st.tuples(st.just("write"), st.sampled_from([0, 1, SMALL, SMALL, LARGE])),
    st.tuples(st.just("write"), st.just(SMALL)),
    st.tuples(st.just("writelines"), st.lists(st.sampled_from([1, SMALL]), max_size=3)),
    st.tuples(st.just("write kind"), st.sampled_from(["bytearray", "memoryview", "str", "none"])),
    st.tuples(st.just("write_eof")),
    st.tuples(st.just("pause_reading")),
    st.tuples(st.just("resume_reading")),
    st.tuples(st.just("close")),
    st.tuples(st.just("abort")),
    st.tuples(st.just("set_protocol"), st.sampled_from(["plain", "buffered"])),
    st.tuples(st.just("limits"), st.sampled_from([None, 0, 100_000])),
    st.tuples(st.just("buffer size")),
    st.tuples(st.just("look")),
    st.tuples(st.just("raise")),
)
batch = st.lists(st.tuples(end, action), min_size=1, max_size=5)
event = st.sampled_from(["made", "data", "eof", "pause", "resume", "lost"])
reactions = st.dictionaries(st.tuples(end, event), st.lists(action, max_size=3), max_size=3)
keep_open = st.tuples(st.booleans(), st.booleans())
kinds = st.tuples(*[st.sampled_from(["plain", "buffered"])] * 2)
HANGING_UP = {"write_eof", "close", "abort", "raise"}
programs = {
    "large": st.booleans(),
    "batches": st.lists(batch, min_size=1, max_size=6),
    "reacts": reactions,
    "keeps": keep_open,
    "kinds": kinds,
}


class Socket(End):
    def __init__(self, number, reacts, keep_open, large, secure):
        super().__init__(number, reacts, HANGING_UP if large and number == 1 else ())
        self.keep_open, self.secure = keep_open, secure
        self.large = large and number == 0
        self.half_closed = False  # by itself

    def payload(self, size):
        return super().payload(SMALL if size == LARGE and not self.large else size)

    def perform(self, what, detail=None):
        transport = self.transport
        if self.secure and transport.is_closing():
            # riata's behaves as 3.14's on every version, and may be closed twice: ARCHITECTURE.md says how.
            return "closing"
        if what == "write":
            return transport.write(self.payload(detail))
        if what == "writelines":
            if transport.is_closing():
                return None  # asyncio of 3.13.0 stumbles over its own parts there
            return transport.writelines([self.payload(size) for size in detail])
        if what == "write kind":
            return transport.write(self.payload_of(detail))
        if what == "set_protocol":
            return transport.set_protocol(PROTOCOLS[detail](self))
        if what == "limits":
            transport.set_write_buffer_limits(high=detail)
            return transport.get_write_buffer_limits() if not self.secure else None
        if what == "buffer size":
            # How much of a large write the kernel takes depends on the sizes of the writes before.
            return transport.get_write_buffer_size() > SMALL if not self.secure else None
        if what == "write_eof":
            self.half_closed = True
        if what == "look":
            look = [transport.is_closing(), transport.can_write_eof(), transport.is_reading()]
            return [*look, type(transport.get_protocol()).__name__]
        return super().perform(what)


class Plain(Flow, asyncio.Protocol):
    def data_received(self, data):
        self.end.data(data)

    def eof_received(self):
        self.end.reading.append(("eof",))
        self.end.happened("eof")
        return self.end.keep_open


class Buffered(Flow, asyncio.BufferedProtocol):
    def __init__(self, end):
        super().__init__(end)
        # asyncio's TLS takes slices of it, and those of a bytearray would be copies.
        self.memory = memoryview(bytearray(5000))

    eof_received = Plain.eof_received

    def get_buffer(self, hint):
        return self.memory

    def buffer_updated(self, size):
        self.end.data(self.memory[:size])


PROTOCOLS = {"plain": Plain, "buffered": Buffered}


def upgrade(loop, log, ends, contexts):
    """Go on over TLS, if both ends are open and have nothing on its way that would be taken for a part of it."""
    for end in ends:
        if end.transport is not None:
            end.do("resume_reading")
    settle(loop, ends)
    for end in ends:
        if end.transport is None or end.transport.is_closing() or end.half_closed:
            log("no upgrade")
            return

    async def both():
        upgrades = []
        for end, context in zip(ends, contexts, strict=True):
            arguments = (end.transport, end.transport.get_protocol(), context)
            options = {"server_hostname": "localhost"} if end.number else {"server_side": True}
            upgrades.append(loop.start_tls(*arguments, **options))
        return await asyncio.gather(*upgrades, return_exceptions=True)

    for end, outcome in zip(ends, loop.run_until_complete(both()), strict=True):
        failed = isinstance(outcome, Exception)
        log("upgrade", type(outcome).__name__ if failed else "made")
        if not failed:
            end.transport, end.secure = outcome, True


def interpreter(large, batches, reacts, keeps, kinds, contexts=None, upgrade_at=None):
    """The program over TLS, if there are contexts for it, from its beginning or from a batch on."""

    def scenario(loop, log):
        secure = contexts is not None and upgrade_at is None
        ends = [Socket(number, reacts, keeps[number], large, secure) for number in range(2)]
        reports = Reports()
        loop.set_exception_handler(reports.heard)
        pair = socket.socketpair()

        async def connect():
            made = []
            for number, (sock, kind) in enumerate(zip(pair, kinds, strict=True)):
                factory = lambda kind=kind, number=number: PROTOCOLS[kind](ends[number])  # noqa: E731
                if not secure:
                    made.append(loop.create_connection(factory, sock=sock))
                elif number == 0:
                    made.append(loop.connect_accepted_socket(factory, sock, ssl=contexts[0]))
                else:
                    options = {"ssl": contexts[1], "server_hostname": "localhost"}
                    made.append(loop.create_connection(factory, sock=sock, **options))
            return await asyncio.gather(*made, return_exceptions=True)

        made = loop.run_until_complete(connect())
        log([type(one).__name__ if isinstance(one, Exception) else "made" for one in made])
        quiet = 4 if contexts is None else 8
        run_batches(loop, log, ends, batches[:upgrade_at], quiet=quiet)
        if upgrade_at is not None:
            upgrade(loop, log, ends, contexts)
            run_batches(loop, log, ends, batches[upgrade_at:], quiet=quiet)
        finish(loop, log, ends, quiet=quiet)
        log("sockets", [sock.fileno() for sock in pair])
        log("reports", sorted(reports))
        for sock in pair:
            sock.close()

    return scenario


@examples(80)
@given(**programs)
def test_random_connections(large, batches, reacts, keeps, kinds):
    compare(interpreter(large, batches, reacts, keeps, kinds))


@pytest.fixture(scope="module")
def contexts():
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


@pytest.mark.skipif(not PY311, reason="TLS of asyncio on CPython 3.10 is another one")
@examples(30)
@given(**programs)
def test_random_connections_over_tls(contexts, large, batches, reacts, keeps, kinds):
    compare(interpreter(large, batches, reacts, keeps, kinds, contexts))


@pytest.mark.skipif(not PY311, reason="TLS of asyncio on CPython 3.10 is another one")
@examples(40)
@given(**programs, upgrade_at=st.integers(0, 3))
def test_random_connections_upgraded_to_tls(
    contexts, large, batches, reacts, keeps, kinds, upgrade_at
):
    compare(interpreter(large, batches, reacts, keeps, kinds, contexts, upgrade_at))
