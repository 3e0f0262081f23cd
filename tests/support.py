"""What the tests share: loops by name, scenarios that are run on two loops and compared, scripts in subprocesses.

asyncio's own loop is the expectation. No test here imports riata at the top: the names in `LOOPS` say which loops a
run covers (RIATA_TEST_LOOPS, `asyncio,riata` unless told), and a chosen loop that cannot be imported is an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent
LOOPS = [name for name in os.environ.get("RIATA_TEST_LOOPS", "asyncio,riata").split(",") if name]
OTHERS = [name for name in LOOPS if name != "asyncio"]
# CPython's debug build counts references and is some five times slower.
DEBUG_BUILD = hasattr(sys, "gettotalrefcount")
PY311, PY312, PY313, PY314, PY315 = (sys.version_info >= (3, minor) for minor in range(11, 16))


def new_event_loop(name: str) -> asyncio.AbstractEventLoop:
    """Make a loop of the kind `name`; the caller closes it."""
    if name == "asyncio":
        return asyncio.new_event_loop()
    assert name == "riata", name
    import riata

    return riata.new_event_loop()


def run(name: str, main: Any, *, debug: bool | None = None) -> Any:
    """`asyncio.run(main)`, on the loop `name`."""
    if name == "asyncio":
        return asyncio.run(main, debug=debug)
    assert name == "riata", name
    import riata

    return riata.run(main, debug=debug)


@dataclass(frozen=True)
class World:
    """A loop together with the classes of the tasks and futures made on it."""

    name: str
    loop: str
    tasks: str = "own"  # own: what the loop makes; C: asyncio.Task; python: asyncio.tasks._PyTask; riata: riata.Task

    def task(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
        if self.tasks == "own":
            return loop.create_task(coro, **options)
        return self.task_class(coro, loop=loop, **options)

    def future(self, loop: asyncio.AbstractEventLoop) -> Any:
        if self.tasks == "own":
            return loop.create_future()
        return self.future_class(loop=loop)

    @property
    def task_class(self) -> Any:
        if self.tasks == "C" or (self.tasks == "own" and self.loop == "asyncio"):
            return asyncio.Task
        if self.tasks == "python":
            return asyncio.tasks._PyTask
        import riata

        return riata.Task

    @property
    def future_class(self) -> Any:
        if self.tasks == "C" or (self.tasks == "own" and self.loop == "asyncio"):
            return asyncio.Future
        if self.tasks == "python":
            return asyncio.futures._PyFuture
        import riata

        return riata.Future


WORLDS = [World("asyncio", "asyncio"), World("asyncio-python", "asyncio", "python")]
if "riata" in LOOPS:
    WORLDS += [
        World("riata", "riata"),
        World("riata-C", "riata", "C"),
        World("riata-python", "riata", "python"),
        World("asyncio-riata", "asyncio", "riata"),
    ]
if PY314:
    # There asyncio's functions in C (current_task, all_tasks) do not know its Python tasks.
    WORLDS = [world for world in WORLDS if world.tasks != "python"]


# Leaks


def open_fds() -> dict[int, str]:
    """The descriptors this process has open, and what each is."""
    fds = {}
    linux = os.path.isdir("/proc/self/fd")
    for entry in os.listdir("/proc/self/fd" if linux else "/dev/fd"):
        with contextlib.suppress(OSError):
            if linux:
                fds[int(entry)] = os.readlink(f"/proc/self/fd/{entry}")
            else:
                status = os.fstat(int(entry))
                fds[int(entry)] = f"{status.st_mode:o} {status.st_dev}:{status.st_ino}"
    # The listing's own descriptor is closed by now; the look at it has failed.
    return fds


def collect() -> None:
    """Run the collector until what `__del__` frees is freed too."""
    for _ in range(3):
        gc.collect()


class Reports(list):
    """What the loop's exception handler heard. A test takes what it expects; anything left fails it."""

    def handler(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.append(context)

    def take(self) -> list[dict[str, Any]]:
        taken = list(self)
        self.clear()
        return taken

    def take_one(self) -> dict[str, Any]:
        taken = self.take()
        assert len(taken) == 1, f"expected one report, got {taken!r}"
        return taken[0]


@contextlib.contextmanager
def checked_loop(name: str, *, debug: bool = False) -> Iterator[tuple[Any, Reports]]:
    """A loop that is closed at the end, and left nothing behind: no task, no descriptor, no unexpected report."""
    before = open_fds()
    threads = set(threading.enumerate())
    loop = new_event_loop(name)
    reports = Reports()
    loop.set_exception_handler(reports.handler)
    if debug:
        loop.set_debug(True)
    asyncio.set_event_loop(loop)
    try:
        yield loop, reports
        failed = False
    except BaseException:
        failed = True
        raise
    finally:
        try:
            if not loop.is_closed():
                pending = asyncio.all_tasks(loop)
                for task in pending:
                    task.cancel()
                if pending:
                    loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.run_until_complete(loop.shutdown_default_executor())
                loop.close()
                if not failed:
                    assert not pending, f"tasks left pending: {pending}"
        finally:
            asyncio.set_event_loop(None)
    collect()
    assert not reports, f"unexpected reports to the exception handler: {list(reports)}"
    after = {fd: what for fd, what in open_fds().items() if before.get(fd) != what}
    assert not after, f"descriptors left open: {after}"
    left = [thread for thread in threading.enumerate() if thread not in threads]
    for thread in left:
        thread.join(5)  # asyncio's thread that waited for a child may be about to end
    left = [thread for thread in left if thread.is_alive()]
    assert not left, f"threads left running: {left}"


def child_processes() -> set[int]:
    """The children of this process, those included that have ended and nobody has waited for."""
    listed = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = (line.split() for line in listed.stdout.splitlines())
    children = {int(pid) for pid, parent in pairs if int(parent) == os.getpid()}
    return {pid for pid in children if _is_child(pid)}


def _is_child(pid: int) -> bool:
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # `ps` itself is gone by now
        return False
    return True


# Scenarios: the same function on two loops, the same log


class Log(list):
    """Events of one run, made of plain values so that two runs can be compared."""

    def __call__(self, *event: Any) -> None:
        self.append(tuple(normal(part) for part in event))

    def attempt(self, label: str, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call, and log how it ended: its value's normal form or its exception."""
        try:
            value = call(*args, **kwargs)
        except (SystemExit, KeyboardInterrupt, asyncio.CancelledError, Exception) as error:
            self(label, "raised", error)
            return None
        self(label, "returned", value)
        return value


_LOOP_CLASS = re.compile(
    r"\b(riata\.(event_loop\.)?EventLoop|riata\._riata\.\w*Loop|_UnixSelectorEventLoop|"
    r"BaseSelectorEventLoop|BaseEventLoop|EventLoop|Loop)\b"
)


def normal_text(text: str) -> str:
    """Text without what may differ between two runs: addresses, task numbers, ports, the loop's class."""
    text = re.sub(r"0x[0-9a-fA-F]+", "0x…", text)
    text = re.sub(r"\bTask-\d+\b", "Task-…", text)
    text = re.sub(r"('127\.0\.0\.1'|'::1'), \d+", r"\1, …", text)
    text = re.sub(r"\bfd=\d+", "fd=…", text)
    # A future made by a loop's own method: asyncio's is a Python frame, a native one has none.
    text = re.sub(r" created at \S+?:\d+", " created at …", text)
    text = text.replace("riata._riata.", "").replace("_asyncio.", "")
    text = re.sub(r"\b\d+\.\d{3,}\b", "…", text)
    return _LOOP_CLASS.sub("LOOP", text)


def normal(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, bytes, float)):
        return value
    if isinstance(value, str):
        return normal_text(value)
    if isinstance(value, BaseException):
        group = tuple(normal(e) for e in getattr(value, "exceptions", ()))
        return (type(value).__name__, normal_text(str(value)), *group)
    if isinstance(value, (list, tuple)):
        return tuple(normal(part) for part in value)
    if isinstance(value, (set, frozenset)):
        return tuple(sorted((normal(part) for part in value), key=repr))
    if isinstance(value, dict):
        return tuple(sorted((normal(k), normal(v)) for k, v in value.items()))
    if isinstance(value, type):
        return value.__name__
    return ("object", kind(value))


def kind(value: Any) -> str:
    """The asyncio name of what a value is: riata's classes stand where asyncio's do."""
    for known in (
        asyncio.Task,
        asyncio.Future,
        asyncio.TimerHandle,
        asyncio.Handle,
        asyncio.AbstractServer,
        asyncio.BaseTransport,
        asyncio.AbstractEventLoop,
    ):
        if isinstance(value, known):
            return known.__name__
    return type(value).__name__


def context_event(context: dict[str, Any]) -> tuple[Any, ...]:
    """An exception handler's context as plain values."""
    out = []
    for key, value in sorted(context.items()):
        if key == "source_traceback" or key == "handle_traceback":
            out.append((key, "present" if value else "absent"))
        else:
            out.append((key, normal(value)))
    return tuple(out)


def run_scenario(
    name: str,
    scenario: Callable[..., Any],
    *args: Any,
    debug: bool = False,
    collect: Callable[[], object] = collect,
) -> Log:
    """Run `scenario(loop, log, *args)`, plain or async, on a fresh loop, and give its log back."""
    log = Log()
    loop = new_event_loop(name)
    loop.set_debug(debug)
    loop.set_exception_handler(lambda _, context: log("handler", *context_event(context)))
    asyncio.set_event_loop(loop)
    try:
        if inspect.iscoroutinefunction(scenario):
            loop.run_until_complete(scenario(loop, log, *args))
        else:
            scenario(loop, log, *args)
        ended = True
    except BaseException as error:
        ended = False
        error.__notes__ = [
            *getattr(error, "__notes__", []),
            f"in a scenario on {name}, after {log[-3:]!r}",
        ]
        raise
    finally:
        try:
            if not loop.is_closed():
                pending = asyncio.all_tasks(loop)
                if ended:
                    assert not pending, f"tasks left pending by a scenario on {name}: {pending}"
                for task in pending:
                    task.cancel()
                if pending:
                    loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
                loop.run_until_complete(loop.shutdown_default_executor())
                loop.close()
        finally:
            asyncio.set_event_loop(None)
    del loop
    collect()
    return log


def differential(scenario: Callable[..., Any], *args: Any, **options: Any) -> Log:
    """Run the scenario on asyncio's loop and on every other chosen loop; the logs must be equal.

    With no other loop chosen it runs on asyncio's twice, which shows that the scenario itself is repeatable.
    """
    expected = run_scenario("asyncio", scenario, *args, **options)
    for name in OTHERS or ["asyncio"]:
        found = run_scenario(name, scenario, *args, **options)
        if found != expected:
            lines = [f"the log on {name} differs from the log on asyncio:"]
            for i in range(max(len(expected), len(found))):
                want = expected[i] if i < len(expected) else "(nothing)"
                have = found[i] if i < len(found) else "(nothing)"
                mark = "  " if want == have else "! "
                lines.append(f"{mark}{i}: asyncio {want!r}")
                if want != have:
                    lines.append(f"{mark}{i}: {name} {have!r}")
            raise AssertionError("\n".join(lines))
    return expected


def agreement(scenario: Callable[..., Any], **options: Any) -> None:
    """Run `scenario(loop, log, names)` with asyncio's names on its loop, and with riata's on each chosen loop: the logs must be equal."""
    import riata

    expected = run_scenario("asyncio", scenario, asyncio, **options)
    for name in LOOPS:
        found = run_scenario(name, scenario, riata, **options)
        assert found == expected, f"riata's names on {name}"


# Scripts


def script_environment(name: str, **extra: str) -> dict[str, str]:
    env = {**os.environ, "RIATA_TEST_LOOP": name, "PYTHONUNBUFFERED": "1", **extra}
    env["PYTHONPATH"] = os.pathsep.join(
        p for p in (str(TESTS / "subprocess_path"), env.get("PYTHONPATH")) if p
    )
    env.pop("PYTHONASYNCIODEBUG", None)
    env.update(extra)
    return env


def run_script(
    name: str,
    source: str,
    *args: str,
    python: tuple[str, ...] = (),
    timeout: float = 30,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh interpreter whose `loop_under_test` is the loop `name`."""
    return subprocess.run(
        [sys.executable, *python, "-c", textwrap.dedent(source), *args],
        env=script_environment(name, **(env or {})),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def start_script(name: str, source: str, *args: str, **options: Any) -> subprocess.Popen[str]:
    """Start a script as `run_script` does, and give the process back while it runs."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(source), *args],
        env=script_environment(name),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


# Small things


def turns(loop: asyncio.AbstractEventLoop, count: int = 1) -> None:
    """Run the loop for a number of turns."""
    for _ in range(count):
        loop.call_soon(loop.stop)
        loop.run_forever()


async def until(condition: Callable[[], Any], *, seconds: float = 10) -> None:
    """Wait, in small steps of real time, for a condition that the kernel or another thread brings about."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        assert loop.time() < deadline, (
            f"still not true after {seconds} s: {inspect.getsource(condition).strip()}"
        )
        await asyncio.sleep(0.001)


async def forever() -> None:
    """Wait until cancelled."""
    await asyncio.get_running_loop().create_future()


class Recorder(asyncio.Protocol):
    """A protocol that remembers what it was told."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.events: list[Any] = []
        self.data = bytearray()
        self.lost: Any = asyncio.get_running_loop().create_future()
        self.made: Any = asyncio.get_running_loop().create_future()
        self.keep_open_on_eof: bool | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.events.append("made")
        if not self.made.done():
            self.made.set_result(transport)

    def data_received(self, data: bytes) -> None:
        self.data += data
        if not self.events or self.events[-1] != "data":
            self.events.append("data")

    def eof_received(self) -> bool | None:
        self.events.append("eof")
        return self.keep_open_on_eof

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")

    def connection_lost(self, error: BaseException | None) -> None:
        self.events.append(("lost", type(error).__name__ if error else None))
        if not self.lost.done():
            self.lost.set_result(error)
