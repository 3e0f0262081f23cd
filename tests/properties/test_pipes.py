"""Random programs of connect_write_pipe and connect_read_pipe: end 0 writes and end 1 reads.

Programs are as in test_transports.py: batches of operations, and reactions within the protocols' callbacks.
"""

import asyncio
import os
import socket

from hypothesis import given
from hypothesis import strategies as st

from .ends import LARGE, SMALL, End, Flow, Reports, finish, run_batches
from .fuzzing import compare, examples, marks

pytestmark = marks

action = st.one_of(
    st.tuples(st.just("write"), st.sampled_from([0, 1, SMALL, SMALL, LARGE])),
    st.tuples(st.just("write"), st.sampled_from([SMALL, LARGE])),
    st.tuples(st.just("writelines"), st.lists(st.sampled_from([1, SMALL]), max_size=3)),
    st.tuples(st.just("write kind"), st.sampled_from(["bytearray", "memoryview", "str", "none"])),
    st.tuples(st.just("write_eof")),
    st.tuples(st.just("pause_reading")),
    st.tuples(st.just("resume_reading")),
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
event = st.sampled_from(["made", "data", "eof", "pause", "resume", "lost"])
programs = {
    "kind": st.sampled_from(["pipe", "pipe", "socket"]),
    "batches": st.lists(batch, min_size=1, max_size=6),
    "reacts": st.dictionaries(st.tuples(end, event), st.lists(action, max_size=3), max_size=3),
}
WRITING = {"write", "writelines", "write kind", "write_eof", "abort", "limits", "buffer size"}
READING = {"pause_reading", "resume_reading"}


class PipeEnd(End):
    def perform(self, what, detail=None):
        transport = self.transport
        if what == "write":
            return transport.write(self.payload(detail))
        if what == "writelines":
            return transport.writelines([self.payload(size) for size in detail])
        if what == "write kind":
            return transport.write(self.payload_of(detail))
        if what == "set_protocol":
            return transport.set_protocol(Protocol(self))
        if what == "limits":
            transport.set_write_buffer_limits(high=detail)
            return transport.get_write_buffer_limits()
        if what == "buffer size":
            return transport.get_write_buffer_size()
        if what == "look":
            look = [transport.is_closing(), type(transport.get_protocol()).__name__]
            return [
                *look,
                transport.can_write_eof() if self.number == 0 else transport.is_reading(),
            ]
        return super().perform(what)

    def leave(self):
        self.transport.abort() if self.number == 0 else self.transport.close()


class Protocol(Flow, asyncio.Protocol):
    def data_received(self, data):
        self.end.data(data)

    def eof_received(self):
        self.end.reading.append("eof")
        self.end.happened("eof")


def interpreter(kind, batches, reacts):
    def scenario(loop, log):
        ends = [PipeEnd(0, reacts, READING), PipeEnd(1, reacts, WRITING)]
        reports = Reports()
        loop.set_exception_handler(reports.heard)
        if kind == "pipe":
            read, write = os.pipe()
            files = [open(write, "wb", 0), open(read, "rb", 0)]  # noqa: SIM115
        else:
            files = socket.socketpair()

        async def connect():
            return await asyncio.gather(
                loop.connect_write_pipe(lambda: Protocol(ends[0]), files[0]),
                loop.connect_read_pipe(lambda: Protocol(ends[1]), files[1]),
                return_exceptions=True,
            )

        made = loop.run_until_complete(connect())
        log([type(one).__name__ if isinstance(one, Exception) else "made" for one in made])
        run_batches(loop, log, ends, batches)
        finish(loop, log, ends)
        log("files", [file.fileno() if kind == "socket" else file.closed for file in files])
        log("reports", sorted(reports))
        for file in files:
            file.close()

    return scenario


@examples(100)
@given(**programs)
def test_random_pipes(kind, batches, reacts):
    compare(interpreter(kind, batches, reacts))


@examples(30)
@given(**programs)
def test_random_pipes_in_debug_mode(kind, batches, reacts):
    compare(interpreter(kind, batches, reacts), debug=True)
