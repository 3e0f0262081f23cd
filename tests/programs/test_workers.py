"""Supervisors of worker processes under `riata run`: uvicorn's, its reloader, gunicorn's. They start the workers by spawn
or fork, and stop them by signals; the workers are on riata's loop without being told.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from ..support import LOOPS, script_environment
from .servers import APPS, free_port, stop, wait_for_port

# The same command line, with `python` in front and with `riata run`.
LAUNCHERS = {
    "asyncio": (sys.executable,),
    "riata": (sys.executable, "-m", "riata", "run"),
}


@dataclass
class Supervisor:
    process: subprocess.Popen
    url: str
    workers: set[int] = field(default_factory=set)

    def stop(self, how: int, *, group: bool) -> list[str]:
        """Stop it as a service manager does, or with its `group` as a terminal's Ctrl-C does; return what it printed."""
        if group:
            os.killpg(self.process.pid, how)
            how = 0  # no second one
        output = stop(self.process, how)
        for pid in self.workers:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        assert "Traceback" not in output, output
        return output.splitlines()


@contextlib.contextmanager
def supervisor(loop_name: str, *command: str, folder: Path = APPS) -> Iterator[Supervisor]:
    port = free_port()
    process = subprocess.Popen(
        [*LAUNCHERS[loop_name], *(part.format(port=port) for part in command)],
        cwd=folder,
        env=script_environment(loop_name, PYTHONPATH=str(folder)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell's background job has SIGINT ignored, and Python then leaves it so.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        wait_for_port(port, process)
        yield Supervisor(process, f"http://127.0.0.1:{port}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def meet_workers(server: Supervisor, loop_name: str, count: int, *, seconds: float = 30) -> None:
    """Ask until every worker has answered, and has told that it is on the loop."""

    def ask(number: int) -> tuple[int, str]:
        # The worker that has the first question is busy with it, so another one takes the second.
        time.sleep(number * 0.05)
        pid, loop = httpx.get(f"{server.url}/busy?seconds=0.2", timeout=20).text.split()
        return int(pid), loop

    deadline = time.monotonic() + seconds
    with ThreadPoolExecutor(count) as pool:
        while len(server.workers) < count:
            assert time.monotonic() < deadline, f"only {server.workers} answered, not {count}"
            for pid, loop in pool.map(ask, range(count)):
                assert loop.startswith(f"{loop_name}."), loop
                server.workers.add(pid)
    assert server.process.pid not in server.workers


def plain(lines: list[str]) -> list[str]:
    """Lines that two runs have in common, whichever worker was first."""
    lines = [re.sub(r"^\[.*?\] \[", "[", line) for line in lines]  # gunicorn's times
    # Of a worker that ends by itself upon Ctrl-C, uvicorn says that it terminated it or nothing: who is first.
    unlike = re.compile("/busy|Terminated child process")
    return sorted(re.sub(r"\d+", "N", line) for line in lines if not unlike.search(line))


UVICORN = ("-m", "uvicorn", "starlette_app:app", "--port", "{port}")
# A worker on a busy machine is not to be taken for dead.
HEALTHCHECK = 30  # seconds
WORKERS = ("--workers", "2", "--timeout-worker-healthcheck", str(HEALTHCHECK))


def outcome_of_uvicorn(loop_name, options, how, group):
    with supervisor(loop_name, *UVICORN, *WORKERS, *options) as server:
        meet_workers(server, loop_name, 2)
        lines = server.stop(how, group=group)
        assert sum("Application shutdown complete" in line for line in lines) == 2, lines
        return server.process.returncode, plain(lines)


@pytest.mark.parametrize("options", [(), ("--loop", "asyncio")], ids=["auto", "asyncio"])
@pytest.mark.parametrize(
    ("how", "group"),
    [(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGTERM, False)],
    ids=["ctrl-c", "SIGINT", "SIGTERM"],
)
def test_uvicorn(how, group, options):
    # With `auto`, uvicorn without riata picks uvloop where there is one.
    expected = outcome_of_uvicorn("asyncio", ("--loop", "asyncio"), how, group)
    for name in LOOPS:
        if name != "asyncio":
            assert outcome_of_uvicorn(name, options, how, group) == expected


def test_uvicorn_replaces_a_worker_that_died(loop_name):
    command = (*UVICORN, *WORKERS, "--loop", "asyncio")
    # A worker that dies while uvicorn waits for its answer is missed when the time for that answer is over.
    patience = HEALTHCHECK + 30
    with supervisor(loop_name, *command) as server:
        meet_workers(server, loop_name, 2)
        first = server.workers.pop()
        os.kill(first, signal.SIGKILL)
        meet_workers(server, loop_name, 2, seconds=patience)
        while first in server.workers:  # it may have answered before it died
            server.workers.remove(first)
            meet_workers(server, loop_name, 2, seconds=patience)
        server.stop(signal.SIGTERM, group=False)


APP = """\
import asyncio
async def app(scope, receive, send):
    assert scope["type"] == "http", scope["type"]
    body = f"VERSION {type(asyncio.get_running_loop()).__module__}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_uvicorn_reloads(loop_name, how, tmp_path):
    app = tmp_path / "app.py"
    app.write_text(APP.replace("VERSION", "first"))
    command = ("-m", "uvicorn", "app:app", "--port", "{port}", "--lifespan", "off", "--reload")
    with supervisor(loop_name, *command, "--loop", "asyncio", folder=tmp_path) as server:

        def text(version: str, *, seconds: float = 30) -> str:
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                with contextlib.suppress(httpx.TransportError):
                    text = httpx.get(server.url).text
                    if text.startswith(version):
                        return text
                time.sleep(0.02)
            return ""

        assert text("first").startswith(f"first {loop_name}.")
        for version in ("second", "third"):
            # The reloader misses a change that comes right after a reload.
            for patience in (2, 4, 8, 16):
                app.write_text(APP.replace("VERSION", version))
                if answer := text(version, seconds=patience):
                    break
            assert answer.startswith(f"{version} {loop_name}.")
        lines = server.stop(how, group=how == signal.SIGINT)
        assert sum("Reloading" in line for line in lines) >= 2, lines
        assert sum("Stopping reloader process" in line for line in lines) == 1, lines


GUNICORN = (
    *("-m", "gunicorn", "starlette_app:app", "-w", "2", "-b", "127.0.0.1:{port}"),
    *("--graceful-timeout", "10", "--no-control-socket"),
)


# Workers, and how each is kept from picking uvloop where there is no riata.
GUNICORN_WORKERS = {
    "uvicorn": (("-k", "uvicorn_worker.UvicornWorker"), ("-k", "uvicorn_worker.UvicornH11Worker")),
    "own": (("-k", "asgi"), ("-k", "asgi", "--asgi-loop", "asyncio")),
}


def outcome_of_gunicorn(loop_name, worker, how, group):
    with supervisor(loop_name, *GUNICORN, *worker) as server:
        meet_workers(server, loop_name, 2)
        lines = server.stop(how, group=group)
        return server.process.returncode, plain(lines)


@pytest.mark.parametrize("worker", GUNICORN_WORKERS)
@pytest.mark.parametrize(
    ("how", "group"), [(signal.SIGINT, True), (signal.SIGTERM, False)], ids=["ctrl-c", "SIGTERM"]
)
def test_gunicorn(worker, how, group):
    chosen, asyncio_only = GUNICORN_WORKERS[worker]
    code, lines = outcome_of_gunicorn("asyncio", asyncio_only, how, group)
    expected = code, [line.replace("UvicornHNWorker", "UvicornWorker") for line in lines]
    for name in LOOPS:
        if name != "asyncio":
            assert outcome_of_gunicorn(name, chosen, how, group) == expected
