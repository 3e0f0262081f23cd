"""One phase of a test, its set-up, call or tear-down: how long its runs of the loop may take, and what is said when they do not end."""

import asyncio
import contextlib
import functools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from riata.task_dump import describe
from riata.testing.anyio_runner import taken_from_anyio
from riata.testing.blocked import watched
from riata.testing.idle import nothing_can_wake, threads_of_the_test
from riata.testing.settings import Settings

__all__ = ["Phase", "current_phase", "phase_of_test"]

# The real one, also while a test has another in its place; freezegun replaces it in every module, by identity.
monotonic: Callable[[], float] = functools.partial(time.monotonic)
# How long a task has to end once it is cancelled, and a callback to return once its time is over: seconds.
_GRACE = 1.0
# How exactly an alarm is known to be ours: seconds.
_ALARM_SLACK = 0.05
# How often a run is looked at: seconds. What does not end is seen at the second look.
_LOOK = 0.05
_REASON = "the test does not end"
_DEADLOCK = "deadlock: no task can go on, since nothing is left that could wake one"

_current: "Phase | None" = None


def current_phase() -> "Phase | None":
    """The phase that runs in this process; none outside of tests, and in other threads than that of the tests."""
    if _current is None or threading.get_ident() != _current.thread:
        return None
    return _current


@contextlib.contextmanager
def phase_of_test(name: str, settings: Settings, blocked: "list[str]") -> Iterator[None]:
    """Everything within is this phase.

    Args:
        name: "set-up", "call" or "tear-down".
        settings: of the test.
        blocked: takes what has blocked a loop, as text.
    """
    global _current
    before = _current
    _current = Phase(name, settings, blocked)
    try:
        yield
    finally:
        _current = before


class Phase:
    """What `phase_of_test` makes."""

    def __init__(self, name: str, settings: Settings, blocked: "list[str]") -> None:
        self.thread: int = threading.get_ident()
        self.settings = settings
        self.blocked = blocked
        self._name = name
        self._timeout = settings.timeout
        self._end = monotonic() + settings.timeout
        self._run: _Run | None = None
        self._alarm_at = 0.0

    def run(self, loop: Any, future: Any, run_until_complete: Callable[[Any], Any]) -> Any:
        """Run a future on the loop to its end, to that of the phase, or until nothing can end it.

        Raises:
            pytest.fail.Exception: it did not end by itself.
        """
        is_new = not asyncio.isfuture(future)
        future = asyncio.ensure_future(future, loop=loop)
        if is_new:
            future._log_destroy_pending = False  # as the loop does
        if self._name == "call" and loop._simulated != self.settings.virtual_time:
            _refuse(future, run_until_complete, "virtual" if loop._simulated else "real")
        before = self._run
        run = self._run = (_VirtualRun if loop._simulated else _Run)(self, loop, future)
        run.look()
        try:
            with watched(loop, self.settings.blocked_after), self._alarm():
                result = run_until_complete(future)
        except pytest.fail.Exception as error:
            if not run.report:
                if future.done():
                    raise
                # Somebody else ends the test, by a signal: pytest-timeout does.
                future._log_destroy_pending = False
                text = f"{error.msg}\n\n{describe(loop)}"
                raise pytest.fail.Exception(text, pytrace=False) from None
        except BaseException:
            if not run.report:
                raise
        else:
            if not run.report:
                return result
        finally:
            self._run = before
            run.leave()
        future._log_destroy_pending = False
        # Whatever cleans up after it may take a moment, too.
        self._end = max(self._end, monotonic() + _GRACE)
        raise pytest.fail.Exception(run.report, pytrace=False)

    def time_left(self) -> float:
        """Seconds; infinite without a limit."""
        return self._end - monotonic() if self._timeout else float("inf")

    def took_too_long(self) -> str:
        return f"the {self._name} of the test took longer than {self._timeout:g} s"

    @contextlib.contextmanager
    def _alarm(self) -> Iterator[None]:
        """For a callback that keeps the loop from looking at its timers, unless somebody else has the alarm."""
        if not self._timeout or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGALRM)
        if before not in (signal.SIG_DFL, _on_alarm):
            yield
            return
        signal.signal(signal.SIGALRM, _on_alarm)
        self.wind_alarm()
        try:
            yield
        finally:
            # Whoever handles it by now is not to get ours; and an alarm that is not ours stays.
            left, _ = signal.getitimer(signal.ITIMER_REAL)
            if abs(self._alarm_at - monotonic() - left) < _ALARM_SLACK:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if signal.getsignal(signal.SIGALRM) is _on_alarm:
                signal.signal(signal.SIGALRM, before)
                if before is _on_alarm:  # of a run that this one is within
                    self.wind_alarm()

    def wind_alarm(self) -> None:
        # After the timers of the loop have had their chance.
        seconds = max(0.0, self.time_left()) + 1.5 * _GRACE
        self._alarm_at = monotonic() + seconds
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def alarm(self) -> None:
        """The alarm has come."""
        if self.time_left() > 0:
            self.wind_alarm()  # somebody else had set it
        elif self._run is not None:
            self._run.tell(self.took_too_long())
            raise pytest.fail.Exception(self._run.report, pytrace=False)


def _on_alarm(number: int, frame: FrameType | None) -> None:
    # Not a method of a phase: a test that puts handlers back may put it back when its phase is over.
    phase = current_phase()
    if phase is not None:
        phase.alarm()


class _Run:
    """One run of the loop, which is looked at from time to time."""

    def __init__(self, phase: Phase, loop: Any, future: Any) -> None:
        self.report = ""
        self.timer: Any = None
        self._phase, self._loop, self._future = phase, loop, future
        self._looks_idle = False

    def look(self) -> None:
        """Look again later, or end the run."""
        if self._future.done():
            return  # it has ended by itself, if late, or somebody else has ended it
        if self.timer is not None and nothing_can_wake(self._loop):
            # A job of a thread may have been on its way.
            if self._looks_idle and not self._future.done():
                self._stop(_DEADLOCK)
                return
            self._looks_idle = True
        else:
            self._looks_idle = False
        left = self._phase.time_left()
        if left <= 0:
            self._stop(self._phase.took_too_long())
            return
        self.timer = self._loop.call_later(min(_LOOK, left), self.look)

    def _stop(self, why: str) -> None:
        self.tell(why)
        grace = _GRACE if _cancel(self._loop, self._future) else 0.0
        # What goes on all the same is left behind.
        self.timer = self._loop.call_later(grace, self._loop.stop)

    def leave(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def tell(self, why: str) -> None:
        if not self.report:
            self.report = f"riata: {why}\n\n{describe(self._loop)}"


class _VirtualRun(_Run):
    """A run in virtual time, which a timer of ours would move: the loop says when nothing can wake it, and looks at the real clock."""

    def look(self) -> None:
        self._before = self._loop._watched_by(self, monotonic() + self._phase.time_left())

    def leave(self) -> None:
        super().leave()
        self._loop._watched_by(self._before, float("inf"))

    def stuck(self) -> None:
        if self.report:
            self._loop.stop()
            return
        why, threads = _DEADLOCK, threads_of_the_test(self._loop)
        if threads:
            names = ", ".join(repr(thread.name) for thread in threads)
            why += (
                f"\nVirtual time does not wait for threads, and the test has some that are alive: {names}\n"
                "hint: `@pytest.mark.riata(virtual_time=False)` runs the test in real time"
            )
        self._stop(why)

    def overdue(self) -> None:
        if self.report:
            self._loop.stop()
            return
        self._loop._overdue_at = monotonic() + _GRACE
        self._stop(self._phase.took_too_long())


def _refuse(future: Any, run_until_complete: Callable[[Any], Any], kind: str) -> None:
    """Fail a test that has come to a loop of the other kind, before its first step."""
    future.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        run_until_complete(future)
    wanted = "real" if kind == "virtual" else "virtual"
    raise pytest.fail.Exception(
        f"riata: this test wants {wanted} time, and shares a loop that was made for {kind} time\n"
        "hint: say the same of all tests that share it, those of the module, class or session "
        f"(`pytestmark = pytest.mark.riata(virtual_time={wanted == 'virtual'})`), or give this one a loop of its own "
        '(`@pytest.mark.asyncio(loop_scope="function")`)',
        pytrace=False,
    )


def _cancel(loop: Any, future: Any) -> bool:
    """Cancel what runs; False when that cannot be: a request goes round among tasks that await each other in a ring."""
    try:
        (taken_from_anyio(future) or future).cancel(_REASON)
        return True
    except RecursionError:
        pass
    for task in asyncio.all_tasks(loop):
        try:
            task.cancel(_REASON)
        except RecursionError:
            # Nobody can end it, and nobody is to try.
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            loop._forget_task(task)
    return False
