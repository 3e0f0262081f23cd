"""Runs a module's tests in child processes. One that hangs or crashes costs one test: a new child does the rest."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SILENCE_SECONDS_MAX = 60.0  # so long a child may tell nothing: it loads, or runs one test
CHILDREN_MAX = 40
STDERR_CHARACTERS_MAX = 4000
TOP = Path(__file__).resolve().parent.parent


@dataclass
class Outcome:
    what: str  # passed, failed, skipped, hung, crashed
    detail: str = ""
    loops: int = 0
    flaky: bool = False

    @property
    def bad(self) -> bool:
        return self.what in ("failed", "hung", "crashed")


@dataclass
class ModuleRun:
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    problem: str = ""  # why not all tests were run
    seconds: float = 0.0


def run_module(form: str, module: str, silence_seconds_max=SILENCE_SECONDS_MAX) -> ModuleRun:
    """All tests of the module, in the order of their names."""
    began = time.monotonic()
    run = _run(form, module, [], silence_seconds_max)
    run.seconds = time.monotonic() - began
    return run


def run_again_what_failed(form: str, module: str, run: ModuleRun) -> None:
    """Each once more, alone: a busy machine fails tests that have a time limit."""
    began = time.monotonic()
    for test in [name for name, outcome in run.outcomes.items() if outcome.bad]:
        again = _run(form, module, [test], SILENCE_SECONDS_MAX).outcomes.get(test)
        if again and not again.bad:
            again.flaky = True
            run.outcomes[test] = again
    run.seconds += time.monotonic() - began


def _run(form: str, module: str, wanted: list[str], silence_seconds_max: float) -> ModuleRun:
    run = ModuleRun()
    missing = wanted
    for _ in range(CHILDREN_MAX):
        child = _Child(form, module, missing)
        finished = child.follow(run, silence_seconds_max)
        if child.planned is None:
            run.problem = f"did not load: {child.stderr()}"
            return run
        missing = [name for name in child.planned if name not in run.outcomes]
        if finished or not missing:
            return run
        if child.running is None and not child.told_any:
            run.problem = f"the child ended before its first test: {child.stderr()}"
            return run
    run.problem = f"gave up after {CHILDREN_MAX} children, {len(missing)} tests not run"
    return run


class _Child:
    """One child process, from its start to its end."""

    def __init__(self, form: str, module: str, wanted: list[str]) -> None:
        self.planned: list[str] | None = None  # the tests that it will run
        self.running: str | None = None
        self.told_any = False
        self.folder = tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True)
        self.errors = Path(self.folder.name) / "stderr"
        self.pipe, end = os.pipe()
        path = os.pathsep.join(filter(None, [str(TOP), os.environ.get("PYTHONPATH")]))
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "conformance.child", str(end), form, module],
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                cwd=self.folder.name,
                env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
                pass_fds=[end],
                start_new_session=True,
            )
        os.close(end)
        with self.process.stdin as stdin:
            stdin.write("\n".join(wanted).encode())

    def follow(self, run: ModuleRun, silence_seconds_max: float) -> bool:
        """Reads what the child tells into `run`. Returns whether it came to its end."""
        finished = False
        for event in self._events(silence_seconds_max):
            match event["event"]:
                case "planned":
                    self.planned = [name for name, why in event["tests"].items() if why is None]
                    run.left_out |= {name: why for name, why in event["tests"].items() if why}
                case "started":
                    self.running, self.told_any = event["test"], True
                case "ended":
                    self.running, self.told_any = None, True
                    run.outcomes[event["test"]] = Outcome(
                        event["outcome"], event["detail"], event["loops"]
                    )
                case "finished":
                    finished = True
                    break
        hung = not finished and self.process.poll() is None
        self._end(hung)
        if self.running is not None:
            what = "hung" if hung else f"crashed (exit status {self.process.returncode})"
            run.outcomes[self.running] = Outcome(what.split()[0], f"{what}\n{self.stderr()}")
        return finished

    def stderr(self) -> str:
        return self.errors.read_text("utf-8", "replace")[-STDERR_CHARACTERS_MAX:]

    def _events(self, silence_seconds_max: float) -> Iterator[dict]:
        """Ends with the child, or when it has been silent for too long."""
        rest, last = b"", time.monotonic()
        while time.monotonic() - last < silence_seconds_max:
            # A process that the child forked may hold the pipe, so that its end says nothing.
            over = self.process.poll() is not None
            if select.select([self.pipe], [], [], 0 if over else 0.2)[0]:
                data = os.read(self.pipe, 65536)
                if not data:
                    self._wait_a_moment()
                    return
                last = time.monotonic()
                *lines, rest = (rest + data).split(b"\n")
                yield from map(json.loads, lines)
            elif over:
                return

    def _wait_a_moment(self) -> None:
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass

    def _end(self, hung: bool) -> None:
        if hung:
            self.process.send_signal(signal.SIGABRT)  # where it hangs, to stderr
            self._wait_a_moment()
        try:
            os.killpg(
                self.process.pid, signal.SIGKILL
            )  # its own session: what the tests left behind
        except (ProcessLookupError, PermissionError):
            pass
        self.process.wait()
        os.close(self.pipe)
