"""What blocks the loop of a test, with the line it was in.

A thread that needs no GIL, the watchdog, sends a signal to the loop's thread when a callback takes too long, and faulthandler
writes the stack of that thread to a pipe, which needs no GIL either.
"""

import asyncio
import contextlib
import faulthandler
import os
import re
import signal
import traceback
from asyncio import base_events
from collections.abc import Iterator
from typing import Any

from riata import _riata
from riata.chains import shown
from riata.task_dump import made_at

__all__ = ["Stacks", "describe_blocked", "watched"]

# What faulthandler writes of a frame; the innermost comes first.
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$', re.M)

_stacks: "Stacks | None" = None


class Stacks:
    """The watchdog, and the pipe for the stacks of what it has found. One at a time."""

    def __init__(self) -> None:
        global _stacks
        self._pipe = os.pipe()
        for end in self._pipe:
            # A full one is to block nobody.
            os.set_blocking(end, False)
        self.watchdog: _riata.Watchdog | None = None
        self._begin()
        _stacks = self

    def read(self) -> "list[tuple[str, int, str]]":
        """File, line and function of each frame of the stack that was written last, the outermost first."""
        written = b""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self._pipe[0], 65536):
                written += more
        last = written.decode(errors="replace").rpartition("most recent call first")[2]
        frames = [(file, int(line), name) for file, line, name in _FRAME.findall(last)]
        return frames[::-1]

    def renew(self) -> None:
        """Begin anew if somebody has taken the signal: a test that puts all handlers back, or has chosen the same one."""
        if self.watchdog is not None and not self.watchdog.is_handled():
            self.watchdog = None
            if signal.getsignal(self._signal) == signal.SIG_DFL:
                faulthandler.unregister(self._signal)
            self._begin()

    def _begin(self) -> None:
        self._signal = _free_signal()
        faulthandler.register(self._signal, file=self._pipe[1], all_threads=False)
        self.watchdog = _riata.Watchdog(self._signal)

    def close(self) -> None:
        global _stacks
        _stacks = None
        is_ours = self.watchdog is not None and self.watchdog.is_handled()
        # From here on nobody sends the signal, which would end the process once it has no handler.
        self.watchdog = None
        if is_ours:
            faulthandler.unregister(self._signal)
        for end in self._pipe:
            os.close(end)


def _free_signal() -> int:
    """One that nobody handles; where there are no others, one that is ignored unless somebody handles it."""
    lowest = getattr(signal, "SIGRTMIN", None)
    numbers = [signal.SIGURG]
    if lowest is not None:
        numbers = [*range(signal.SIGRTMAX - 1, lowest, -1), *numbers]
    for number in numbers:
        if signal.getsignal(number) == signal.SIG_DFL:
            return int(number)
    return int(signal.SIGURG)


@contextlib.contextmanager
def watched(loop: Any, after: float) -> Iterator[None]:
    """Within, what blocks this loop for longer is reported to it. `after` is in seconds; 0 for never."""
    if _stacks is None or not after:
        yield
        return
    _stacks.renew()
    loop._watch(_stacks.watchdog, after)
    try:
        yield
    finally:
        loop._unwatch()


def describe_blocked(job: object, seconds: float) -> str:
    """What blocked the loop, for how long, and where it was when the watchdog came."""
    if isinstance(job, asyncio.Task):
        text = f"task {job.get_name()!r}{made_at(job)}"
    elif isinstance(job, asyncio.Handle):
        text = str(base_events._format_handle(job))  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    else:
        text = shown(job)
    frames = _stacks.read() if _stacks is not None else []
    inner = max((n for n, frame in enumerate(frames) if _is_the_loops(*frame)), default=-1)
    stack = traceback.StackSummary.from_list(
        [traceback.FrameSummary(*frame) for frame in frames[inner + 1 :]]
    )
    return f"{text}, blocked the loop for {seconds:.3g} s\n{''.join(stack.format())}".rstrip()


def _is_the_loops(file: str, line: int, name: str) -> bool:
    return name == "run_forever" and os.path.basename(os.path.dirname(file)) == "riata"
