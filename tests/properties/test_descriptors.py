"""Random programs of add_reader, add_writer and their kin on socket pairs and pipes: what is called in which turn is
what asyncio calls.

A program is a list of turns, each a list of operations that one callback does; the loop runs one turn for each. The
readiness of a socket pair or pipe is immediate, and so it is certain what the kernel shows a turn. In which order it
shows several descriptors is its own affair: each descriptor has its own log, and a reaction, which is an operation
within a reader or writer, is on its own descriptor. What the other end sees of it (a write) waits for the next turn,
where it comes before what is ready.
"""

import asyncio
import fcntl
import os
import signal
import socket

from hypothesis import given
from hypothesis import strategies as st

from ..support import turns
from .ends import LARGE, SMALL
from .fuzzing import compare, examples, marks

pytestmark = marks
PAIRS = ["socket", "socket", "pipe"]
HIGH = 200  # nobody else's descriptors have numbers from here on, whatever is closed
SIGNAL = signal.SIGUSR1

direction = st.sampled_from(["reader", "writer"])
kept = st.sampled_from([None, "reader", "writer"])
size = st.sampled_from([1, 10, SMALL])
simple = st.one_of(
    st.tuples(st.just("read"), size),
    st.tuples(st.just("write"), size),
    st.tuples(st.just("feed"), size),
    st.tuples(st.just("remove"), direction),
    st.tuples(st.just("remove"), direction),
    st.tuples(st.just("close"), kept),
    st.tuples(st.just("reuse"), kept),
    st.tuples(st.just("raise")),
)
action = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.tuples(st.just("add"), direction, st.lists(inner, max_size=3)),
        st.tuples(st.just("soon"), st.lists(inner, max_size=3)),
    ),
    max_leaves=5,
)
adding = st.tuples(st.just("add"), direction, st.lists(action, max_size=3))
call = st.one_of(
    st.tuples(st.just("sock_recv"), size),
    st.tuples(st.just("sock_recv_into"), size),
    st.tuples(st.just("sock_sendall"), st.sampled_from([1, SMALL, LARGE])),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
)
signals = st.tuples(st.sampled_from(["add signal", "remove signal", "raise signal"]))
# More often those of one pair, for what can happen between two operations on one end.
end = st.sampled_from([0, 0, 0, 0, 1, 1, *range(2, 2 * len(PAIRS))])
operation = st.tuples(end, st.one_of(adding, adding, action, call, signals))
programs = {
    "large": st.booleans(),
    "program": st.lists(st.lists(operation, max_size=5), min_size=1, max_size=7),
}


class End:
    """One end of a pair: its number, whose file may change, and its log."""

    def __init__(self, run, index, fd, kind, *, patient):
        self.run, self.loop = run, run.loop
        self.index, self.fd, self.patient = index, fd, patient
        os.set_blocking(fd, False)
        self.sock = socket.socket(fileno=fd) if kind == "socket" else None
        self.open = True
        self.stale = False  # whether the number may be watched for a file that is closed
        self.peer = None  # the end, or after its file was changed the number, that this one is connected with
        self.added = 0
        self.events = []

    def log(self, *event):
        self.events.append((self.run.turn, *event))

    def called(self, label, reactions):
        self.log("called", label)
        for one in reactions:
            if one[0] in ("write", "feed") or self.patient:
                self.loop.call_soon(self.do, *one)
            else:
                self.do(*one)

    def do(self, what, *details):
        if what == "raise":
            self.log("raises")
            raise LookupError(f"at {self.index}")
        try:
            result = getattr(self, what)(*details)
        except (OSError, ValueError) as error:
            result = type(error).__name__
        self.log(what, result)

    def read(self, size):
        return len(os.read(self.fd, size))

    def write(self, size):
        return os.write(self.fd, bytes(size))

    def feed(self, size):
        return os.write(getattr(self.peer, "fd", self.peer), bytes(size))

    def add(self, direction, reactions):
        self.forget_closed()
        self.added += 1
        getattr(self.loop, f"add_{direction}")(self.fd, self.called, self.added, reactions)
        return self.added

    def remove(self, direction):
        return getattr(self.loop, f"remove_{direction}")(self.fd)

    def remove_but(self, keep):
        for direction in ("reader", "writer"):
            # Not both: of a file that is closed asyncio fails to remove one of two.
            if direction != keep:
                self.remove(direction)
        self.stale = keep is not None

    def forget_closed(self):
        # Or asyncio believes that the number is watched, and does nothing or fails, where riata watches what is there now.
        if self.stale:
            self.remove_but(None)

    def soon(self, actions):
        for one in actions:
            self.loop.call_soon(self.do, *one)

    def close(self, keep):
        if not self.open:
            return
        self.remove_but(keep)
        self.open = False
        if self.sock is not None:
            self.sock.close()
        else:
            os.close(self.fd)

    def reuse(self, keep):
        """Close the file, if it is open yet, and open another one with its number."""
        if self.open:
            self.remove_but(keep)
        if self.sock is not None:
            self.sock.detach()
        mine, other = socket.socketpair()
        os.dup2(mine.fileno(), self.fd)
        # Not the number of another end that is closed.
        self.peer = fcntl.fcntl(other, fcntl.F_DUPFD_CLOEXEC, HIGH + len(self.run.ends))
        self.run.others.append(self.peer)
        mine.close()
        other.close()
        self.sock = socket.socket(fileno=self.fd)
        self.sock.setblocking(False)
        self.open = True


class Interpreter:
    def __init__(self, loop, *, large):
        self.loop, self.large = loop, large
        self.turn = -1
        self.ends, self.others, self.tasks = [], [], []
        self.signals = []
        self.handles_signal = False
        for kind in PAIRS:
            fds = []
            for low in (
                os.pipe() if kind == "pipe" else map(socket.socket.detach, socket.socketpair())
            ):
                fds.append(fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, HIGH))
                os.close(low)
            # While one end sends all that the kernel takes, it matters when in a turn the other one reads or closes.
            patient = large and not self.ends
            pair = [End(self, len(self.ends) + i, fds[i], kind, patient=patient) for i in range(2)]
            pair[0].peer, pair[1].peer = pair[1], pair[0]
            self.ends += pair

    def do(self, operations):
        for index, (what, *details) in operations:
            end = self.ends[index]
            if what == "cancel":
                if details[0] < len(self.tasks):
                    self.tasks[details[0]].cancel()
            elif what.startswith("sock_"):
                self.begin(end, what, *details)
            elif what.endswith("signal"):
                self.signal(what)
            else:
                end.do(what, *details)

    def begin(self, end, what, size):
        if end.sock is None or (end.patient and end.index == 1 and what != "sock_sendall"):
            return
        end.forget_closed()
        if what == "sock_recv_into":
            argument = bytearray(size)
        elif what == "sock_sendall":
            enough = size != LARGE or (end.patient and end.index == 0)
            argument = bytes(size if enough else SMALL)
        else:
            argument = size
        label = (what, len(self.tasks))
        self.tasks.append(self.loop.create_task(self.call(end, label, end.sock, argument)))

    async def call(self, end, label, sock, argument):
        end.log(*label, "begins")
        try:
            result = await getattr(self.loop, label[0])(sock, argument)
        except (asyncio.CancelledError, Exception) as error:
            result = type(error).__name__
        end.log(*label, len(result) if isinstance(result, bytes) else result)

    def signal(self, what):
        if what == "add signal":
            self.handles_signal = True
            number = len(self.signals)
            self.loop.add_signal_handler(SIGNAL, self.signalled, number)
        elif what == "remove signal":
            self.handles_signal = False
            self.signals.append((self.turn, self.loop.remove_signal_handler(SIGNAL)))
        elif self.handles_signal:
            signal.raise_signal(SIGNAL)

    def signalled(self, number):
        self.signals.append((self.turn, "signal", number))

    def close(self):
        for end in self.ends:
            end.remove_but(None)
        for task in self.tasks:
            task.cancel()
        turns(self.loop, 3)
        for end in self.ends:
            end.close(None)
        for fd in self.others:
            os.close(fd)
        if self.handles_signal:
            self.loop.remove_signal_handler(SIGNAL)


def interpreter(large, program):
    def scenario(loop, log):
        reports = []

        def heard(loop, context):
            # Not the callback's name, which asyncio forgets when the callback has removed itself.
            message = " ".join(context["message"].split()[:3])
            reports.append((run.turn, message, context.get("exception")))

        loop.set_exception_handler(heard)
        run = Interpreter(loop, large=large)
        for operations in [*program, [], [], []]:
            run.turn += 1
            loop.call_soon(run.do, operations)
            turns(loop)
        run.close()
        for end in run.ends:
            for event in end.events:
                log(end.index, *event)
        log("signals", run.signals)
        for report in sorted(reports, key=repr):
            log(*report)

    return scenario


@examples(120)
@given(**programs)
def test_random_descriptors(large, program):
    compare(interpreter(large, program))


@examples(40)
@given(**programs)
def test_random_descriptors_in_debug_mode(large, program):
    compare(interpreter(large, program), debug=True)
