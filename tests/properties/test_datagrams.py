"""Random programs of datagram transports, over UDP on the loopback interface and over Unix sockets.

Programs are as in test_transports.py: batches of operations, and reactions within the protocols' callbacks. Nothing is
lost or overtaken within one host as long as it fits into the kernel's buffers, and so UDP carries only small datagrams.
"""

import asyncio
import os
import socket
import tempfile

from hypothesis import given
from hypothesis import strategies as st

from .ends import SMALL, End, Flow, Reports, finish, run_batches
from .fuzzing import compare, examples, marks

pytestmark = marks
TOO_LARGE = 500_000  # for one datagram

address = st.sampled_from(["none", "none", "peer", "peer", "self", "nowhere", "number"])
action = st.one_of(
    st.tuples(st.just("sendto"), st.sampled_from([0, 1, SMALL, TOO_LARGE]), address),
    st.tuples(st.just("sendto"), st.just(SMALL), address),
    st.tuples(st.just("flood"), st.sampled_from(["none", "peer"])),
    st.tuples(st.just("send kind"), st.sampled_from(["bytearray", "memoryview", "str", "none"])),
    st.tuples(st.just("close")),
    st.tuples(st.just("abort")),
    st.tuples(st.just("set_protocol")),
    st.tuples(st.just("limits"), st.sampled_from([None, 0, 100_000])),
    st.tuples(st.just("buffer size")),
    st.tuples(st.just("look")),
    st.tuples(st.just("raise")),
)
end = st.integers(0, 1)
batch = st.lists(st.tuples(end, action), min_size=1, max_size=5)
event = st.sampled_from(["made", "data", "data", "error", "error", "pause", "resume", "lost"])
# What a protocol does there first of all is to raise.
reaction = st.one_of(*[st.just(("raise",))] * 6, action)
programs = {
    # UDP without connections, with them, and as asyncio makes one; Unix sockets with names and without.
    "kind": st.sampled_from(["udp", "udp connected", "udp remote", "unix", "unix", "unix pair"]),
    "batches": st.lists(batch, min_size=1, max_size=6),
    "reacts": st.dictionaries(st.tuples(end, event), st.lists(reaction, max_size=3), max_size=3),
}


class Endpoint(End):
    texts = (RuntimeError, TypeError, ValueError)

    def __init__(self, number, reacts, unix):
        super().__init__(number, reacts)
        self.unix = unix
        self.addresses = {"none": None, "number": 7}

    def name(self, address):
        """What an address is to this end; ports differ from run to run."""
        names = [name for name, known in self.addresses.items() if known == address]
        return names[0] if names else repr(address)

    def perform(self, what, *details):
        transport = self.transport
        if what == "sendto":
            size, address = details
            return transport.sendto(self.payload(size), self.addresses[address])
        if what == "flood":
            # More than a Unix socket takes; UDP would drop what is too much.
            count, size = (8, 50_000) if self.unix else (8, 10)
            for _ in range(count):
                transport.sendto(self.payload(size), self.addresses[details[0]])
            return transport.get_write_buffer_size()
        if what == "send kind":
            return transport.sendto(self.payload_of(details[0]), self.addresses["peer"])
        if what == "set_protocol":
            return transport.set_protocol(Protocol(self))
        if what == "limits":
            transport.set_write_buffer_limits(high=details[0])
            return transport.get_write_buffer_limits()
        if what == "buffer size":
            return transport.get_write_buffer_size()
        if what == "look":
            names = [self.name(transport.get_extra_info(key)) for key in ("sockname", "peername")]
            return [transport.is_closing(), type(transport.get_protocol()).__name__, *names]
        return super().perform(what)


class Protocol(Flow, asyncio.DatagramProtocol):
    def datagram_received(self, data, address):
        self.end.reading.append((len(data), data[:1], self.end.name(address)))
        self.end.happened("data")

    def error_received(self, error):
        self.end.reading.append(type(error).__name__)
        self.end.happened("error")


def make_sockets(kind, folder):
    if kind == "unix pair":
        return socket.socketpair(type=socket.SOCK_DGRAM)
    family = socket.AF_UNIX if kind == "unix" else socket.AF_INET
    pair = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(2)]
    for number, sock in enumerate(pair):
        sock.bind(os.path.join(folder, str(number)) if kind == "unix" else ("127.0.0.1", 0))
    if kind in ("unix", "udp connected"):
        for sock, other in zip(pair, reversed(pair), strict=True):
            sock.connect(other.getsockname())
    return pair


def interpreter(kind, batches, reacts):
    def scenario(loop, log):
        unix = kind.startswith("unix")
        ends = [Endpoint(number, reacts, unix) for number in range(2)]
        reports = Reports()
        loop.set_exception_handler(reports.heard)

        async def connect(pair, names):
            options = [{"sock": sock} for sock in pair]
            if kind == "udp remote":
                pair[1].close()
                options[1] = {"local_addr": names[1], "remote_addr": names[0]}
            for number in range(2):
                factory = lambda number=number: Protocol(ends[number])  # noqa: E731
                await loop.create_datagram_endpoint(factory, **options[number])

        with tempfile.TemporaryDirectory() as folder:
            pair = make_sockets(kind, folder)
            names = [sock.getsockname() for sock in pair]
            nowhere = os.path.join(folder, "nowhere") if unix else ("127.0.0.1", 1)
            for mine, end in enumerate(ends):
                end.addresses.update(self=names[mine], peer=names[1 - mine], nowhere=nowhere)
            loop.run_until_complete(connect(pair, names))
            run_batches(loop, log, ends, batches)
            finish(loop, log, ends)
        log("sockets", [sock.fileno() for sock in pair])
        log("reports", sorted(reports))
        for sock in pair:
            sock.close()

    return scenario


@examples(100)
@given(**programs)
def test_random_datagrams(kind, batches, reacts):
    compare(interpreter(kind, batches, reacts))


@examples(30)
@given(**programs)
def test_random_datagrams_in_debug_mode(kind, batches, reacts):
    compare(interpreter(kind, batches, reacts), debug=True)
