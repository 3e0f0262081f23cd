"""What the random programs of transports share: an end of a connection with its logs and reactions, and how long to wait.

What two ends do at the same time is in no order, and how bytes are cut is the kernel's affair. So each end has its own
log, one for what it reads and one for what it writes, where data are joined.
"""

import contextlib
import zlib

SMALL, LARGE = 700, 1_000_000  # never, and always more than the kernel takes


class End:
    """One end of the connection, with its protocols (one after the other), logs and reactions.

    A reaction is what the end does to itself within a protocol's callback, the first time that this is called.
    """

    texts = (RuntimeError,)  # errors whose texts are compared too

    def __init__(self, number, reacts, skipped=()):
        self.number, self.skipped = number, skipped
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

    def lost(self, error):
        kind = type(error).__name__ if error else None
        self.reading.append(("lost", kind))
        self.writing.append("lost")
        self.happened("lost")

    def payload(self, size):
        self.written += 1
        return bytes([self.written % 256]) * size

    def payload_of(self, kind):
        data = self.payload(SMALL)
        kinds = {"bytearray": bytearray(data), "memoryview": memoryview(data), "str": "text"}
        return kinds.get(kind)

    def do(self, what, *details, where="batch"):
        """Do one operation, and log how it went."""
        self.activity += 1
        if what in self.skipped:
            return
        if what == "raise":
            self.calls.append((where, "raises"))
            raise LookupError(f"of end {self.number} in {where}")
        try:
            result = "not yet" if self.transport is None else self.perform(what, *details)
        except Exception as error:
            text = str(error)[:60] if isinstance(error, self.texts) else ""
            result = (type(error).__name__, text)
        self.calls.append((where, what, *details, result))

    def perform(self, what, *details):
        return getattr(self.transport, what)(*details)

    def leave(self):
        """End it at once."""
        self.transport.abort()

    def show(self, log, *label):
        log(*label, self.number, "reading", self.reading)
        log(*label, self.number, "writing", self.writing)
        log(*label, self.number, "calls", [repr(call) for call in self.calls])
        if self.transport is not None:
            log(*label, self.number, "closing", self.transport.is_closing())


class Flow:
    """The part of a protocol about writing, which all kinds have."""

    def __init__(self, end):
        self.end = end

    def connection_made(self, transport):
        self.end.transport = transport
        self.end.happened("made")

    def pause_writing(self):
        self.end.writing.append("pause")
        self.end.happened("pause")

    def resume_writing(self):
        self.end.writing.append("resume")
        self.end.happened("resume")

    def connection_lost(self, error):
        self.end.lost(error)


class Reports(list):
    """What the exception handler heard. What one end reports is in order, but not what two do."""

    def heard(self, loop, context):
        error, handle = context.get("exception"), context.get("handle")
        message = context["message"].split("(")[0][:40]
        if handle is not None and handle.cancelled():
            message = "Exception in callback"  # whose name asyncio has forgotten
        self.append((message, type(error).__name__, str(error)[:40]))


def run_batches(loop, log, ends, batches, *, quiet=4):
    """Do the operations of a batch in one callback, then wait until nothing happens any more; and so on."""

    def run(batch):
        for number, one in batch:
            ends[number].do(*one)

    settle(loop, ends, quiet=quiet)
    for number, batch in enumerate(batches):
        loop.call_soon(run, batch)
        settle(loop, ends, quiet=quiet)
        for end in ends:
            end.show(log, number)


def finish(loop, log, ends, *, quiet=4):
    """End what is open, and log how it ended."""
    for end in ends:
        if end.transport is not None:
            end.reacts.clear()
            with contextlib.suppress(AttributeError):  # asyncio has let go of its loop
                end.leave()
    settle(loop, ends, quiet=quiet)
    for end in ends:
        log("end", end.number, end.reading[-1:], end.total)


def settle(loop, ends, *, quiet=4):
    """Run the loop until nothing has happened for some rounds, each of which looks at the kernel at least once."""
    still = 0
    while still < quiet:
        before = sum(end.activity for end in ends)
        loop.call_later(0.0002, loop.stop)
        loop.run_forever()
        still = still + 1 if sum(end.activity for end in ends) == before else 0
