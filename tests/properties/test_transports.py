"""Random programs of transports over socket pairs: each end of a connection sees on the loop under test what it sees on
asyncio's.

A program is a list of batches. The operations of a batch are done in one callback, for what a loop does with several of
them at once is what is asked here; then the loop runs until nothing happens any more. An end may also have reactions:
operations that it does on itself within a protocol's callback, the first time that this is called.

What two ends do at the same time is in no order, and how bytes are cut is the kernel's affair. So each end has its own log,
one for what it reads and one for what it writes, where data are joined. While one end has much to write, how the other's
hanging up shows (as an end of file, a reset or a broken pipe) depends on when the loop looks: so only end 0 writes much,
and then end 1 does not hang up.
"""

import asyncio
import contextlib
import socket
import ssl
import zlib

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from ..support import PY311
from .fuzzing import compare, examples, marks

pytestmark = marks
SMALL, LARGE = 700, 1_000_000  # never, and always more than the kernel takes

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


class End:
    """One end of the connection, with its protocols (one after the other), logs and reactions."""

    def __init__(self, number, reacts, keep_open, large, secure):
        self.number, self.keep_open, self.secure = number, keep_open, secure
        self.large = large and number == 0
        self.skipped = HANGING_UP if large and number == 1 else set()
        self.reacts = {event: actions for (end, event), actions in reacts.items() if end == number}
        self.reading, self.writing, self.calls = [], [], []
        self.transport = None
        self.activity = self.written = 0
        self.total = 0

    def happened(self, event):
        self.activity += 1
        for one in self.reacts.pop(event, ()):
            self.do(*one, where=event)

    def data(self, data):
        self.total += len(data)
        if self.reading and self.reading[-1][0] == "data":
            _, size, checksum = self.reading.pop()
        else:
            size = checksum = 0
        self.reading.append(("data", size + len(data), zlib.crc32(data, checksum)))
        self.happened("data")

    def payload(self, size):
        self.written += 1
        if size == LARGE and not self.large:
            size = SMALL
        return bytes([self.written % 256]) * size

    def do(self, what, *details, where="batch"):
        """Do one operation, and log how it went."""
        self.activity += 1
        if what in self.skipped:
            return
        if what == "raise":
            self.calls.append((where, "raises"))
            raise LookupError(f"of end {self.number} in {where}")
        try:
            result = self.perform(what, *details)
        except Exception as error:
            text = str(error) if isinstance(error, RuntimeError) else ""
            result = (type(error).__name__, text)
        self.calls.append((where, what, *details, result))

    def perform(self, what, detail=None):
        transport = self.transport
        if transport is None:
            return "not yet"
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
            data = self.payload(SMALL)
            kinds = {"bytearray": bytearray(data), "memoryview": memoryview(data), "str": "text"}
            return transport.write(kinds.get(detail))
        if what == "set_protocol":
            return transport.set_protocol(PROTOCOLS[detail](self))
        if what == "limits":
            transport.set_write_buffer_limits(high=detail)
            return transport.get_write_buffer_limits() if not self.secure else None
        if what == "buffer size":
            # How much of a large write the kernel takes depends on the sizes of the writes before.
            return transport.get_write_buffer_size() > SMALL if not self.secure else None
        if what == "look":
            look = [transport.is_closing(), transport.can_write_eof(), transport.is_reading()]
            return [*look, type(transport.get_protocol()).__name__]
        return getattr(transport, what)()


class Plain(asyncio.Protocol):
    def __init__(self, end):
        self.end = end

    def connection_made(self, transport):
        self.end.transport = transport
        self.end.happened("made")

    def data_received(self, data):
        self.end.data(data)

    def eof_received(self):
        self.end.reading.append(("eof",))
        self.end.happened("eof")
        return self.end.keep_open

    def pause_writing(self):
        self.end.writing.append("pause")
        self.end.happened("pause")

    def resume_writing(self):
        self.end.writing.append("resume")
        self.end.happened("resume")

    def connection_lost(self, error):
        kind = type(error).__name__ if error else None
        self.end.reading.append(("lost", kind))
        self.end.writing.append("lost")
        self.end.happened("lost")


class Buffered(asyncio.BufferedProtocol):
    def __init__(self, end):
        self.end = end
        # asyncio's TLS takes slices of it, and those of a bytearray would be copies.
        self.memory = memoryview(bytearray(5000))

    connection_made = Plain.connection_made
    eof_received = Plain.eof_received
    pause_writing = Plain.pause_writing
    resume_writing = Plain.resume_writing
    connection_lost = Plain.connection_lost

    def get_buffer(self, hint):
        return self.memory

    def buffer_updated(self, size):
        self.end.data(self.memory[:size])


PROTOCOLS = {"plain": Plain, "buffered": Buffered}


def settle(loop, ends, *, quiet=4):
    """Run the loop until nothing has happened for some rounds, each of which looks at the kernel at least once."""
    still = 0
    while still < quiet:
        before = sum(end.activity for end in ends)
        loop.call_later(0.0002, loop.stop)
        loop.run_forever()
        still = still + 1 if sum(end.activity for end in ends) == before else 0


def interpreter(large, batches, reacts, keeps, kinds, contexts=None):
    def scenario(loop, log):
        secure = contexts is not None
        ends = [End(number, reacts, keeps[number], large, secure) for number in range(2)]
        reports = []

        def heard(loop, context):
            # What one end reports is in order, but not what two do.
            error = context.get("exception")
            reports.append(
                (context["message"].split("(")[0][:40], type(error).__name__, str(error)[:40])
            )

        loop.set_exception_handler(heard)
        pair = socket.socketpair()

        async def connect():
            made = []
            for number, (sock, kind) in enumerate(zip(pair, kinds, strict=True)):
                factory = lambda kind=kind, number=number: PROTOCOLS[kind](ends[number])  # noqa: E731
                if contexts is None:
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
        settle(loop, ends, quiet=quiet)

        def run(batch):
            for number, one in batch:
                ends[number].do(*one)

        for number, batch in enumerate(batches):
            loop.call_soon(run, batch)
            settle(loop, ends, quiet=quiet)
            for end in ends:
                log(number, end.number, "reading", end.reading)
                log(number, end.number, "writing", end.writing)
                log(number, end.number, "calls", [repr(call) for call in end.calls])
                if end.transport is not None:
                    log(number, end.number, "closing", end.transport.is_closing())
        for end in ends:
            if end.transport is not None:
                end.reacts.clear()
                with contextlib.suppress(AttributeError):  # asyncio has let go of its loop
                    end.transport.abort()
        settle(loop, ends, quiet=quiet)
        for end in ends:
            log("end", end.number, end.reading[-1:], end.total)
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
