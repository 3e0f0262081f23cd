"""Run probes on one loop, each in a process of its own: `python child.py MODULE:FACTORY LIMIT [PROBE...]`.

Loop and probes are imported once. Each probe then runs in a fork, which leads a session of its own and has `LIMIT`
seconds. One line of JSON for each goes to stdout, in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import linecache
import os
import selectors
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from registry import Probe, all_probes
from support import prepare


def main() -> int:
    spec, limit, *names = sys.argv[1:]
    module, _, attribute = spec.partition(":")
    factory = getattr(importlib.import_module(module), attribute)
    prepare()
    for probe in all_probes():
        if names and probe.name not in names:
            continue
        print(
            json.dumps({"probe": probe.name, **run_in_fork(probe, factory, float(limit))}),
            flush=True,
        )
    return 0


def run_in_fork(probe: Probe, factory: Callable[[], Any], limit: float) -> dict[str, Any]:
    """How the probe ended: `outcome` is yes, no, hangs or crashes; `error` and `message` say why."""
    sys.stdout.flush()
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(receive)
        in_fork(probe, factory, send)
    os.close(send)
    try:
        said = read_until_end(receive, limit)
    finally:
        os.close(receive)
        # What the probe started goes with it; the session's leader is not reaped yet, so the number is still its own.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if said is None or os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                os.killpg(pid, signal.SIGKILL)
        deadline = time.monotonic() + 2
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
                deadline += 2
            time.sleep(0.0005)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    if said is None:
        return {"outcome": "hangs", "error": None, "message": f"not done after {limit:g} s"}
    if said:
        return json.loads(said)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return {"outcome": "crashes", "error": name, "message": f"the process ended by {name}"}
    code = os.waitstatus_to_exitcode(status)
    return {
        "outcome": "crashes",
        "error": f"exit {code}",
        "message": f"the process ended with status {code}",
    }


def read_until_end(fd: int, limit: float) -> bytes | None:
    """What the fork wrote, a line or nothing; None when it said nothing in time."""
    deadline = time.monotonic() + limit
    said = b""
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        while not said.endswith(b"\n"):
            if not selector.select(max(deadline - time.monotonic(), 0)):
                return None
            chunk = os.read(fd, 65536)
            if not chunk:
                break
            said += chunk
    return said


def in_fork(probe: Probe, factory: Callable[[], Any], send: int) -> None:
    """Run the probe and end the process."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warnings.simplefilter("ignore")
    outcome: dict[str, Any] = {"outcome": "yes", "error": None, "message": None}
    with tempfile.TemporaryDirectory(prefix="probe-") as folder:
        os.chdir(folder)
        try:
            run(probe, factory)
        except BaseException as error:
            outcome = describe(error)
        os.chdir("/")
    os.write(send, json.dumps(outcome).encode() + b"\n")
    os._exit(0)


def run(probe: Probe, factory: Callable[[], Any]) -> None:
    if not probe.is_async:
        probe.run(factory)
        return
    loop = factory()
    loop.set_exception_handler(lambda loop, context: None)
    asyncio.set_event_loop(loop)
    loop.run_until_complete(probe.run(loop))
    asyncio.set_event_loop(None)
    loop.close()


def describe(error: BaseException) -> dict[str, Any]:
    """An error in few words: an assertion's message, or its line when it has none."""
    message = str(error).strip().partition("\n")[0]
    if isinstance(error, AssertionError) and not message:
        last = traceback.extract_tb(error.__traceback__)[-1]
        message = "not so: " + linecache.getline(
            last.filename, last.lineno or 0
        ).strip().removeprefix("assert ")
    # An address says nothing on a page, and would make each run differ.
    message = " ".join("0x…" if word.startswith("0x") else word for word in message.split(" "))
    message = message.replace(str(Path.cwd()), ".")
    return {"outcome": "no", "error": type(error).__name__, "message": message[:300]}


if __name__ == "__main__":
    sys.exit(main())
