"""Measures a server from outside: starts it, drives it with the load generator, reads its clock.

Server and load generator get a processor each, where there are two: otherwise the kernel's placing of
them, together or apart, is most of what differs between runs. With one connection only one of them
has work at a time, and they share a processor: waking another one costs ten times the echo.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cases.registry import Case
from cases.servers import HTTP_BODY

from harness import build
from harness.contestants import Contestant
from harness.errors import MeasurementError
from harness.memory import resident_bytes

SERVERS = Path(__file__).resolve().parent.parent / "servers"
START_LIMIT = 20.0
TIME_LIMIT = 60.0


@dataclass(frozen=True)
class Server:
    pid: int
    address: str


def measure_server(
    case: Case, contestant: Contestant, *, warmup_ms: int, window_ms: int
) -> dict[str, Any]:
    """CPU nanoseconds of the server per request (`value`), each answer checked byte by byte."""
    settings = case.settings
    with started_server(server_command(case, contestant), settings["transport"]) as server:
        arguments = ["--pid", str(server.pid), "--connections", str(settings["connections"])]
        arguments += ["--warmup-ms", str(warmup_ms), "--window-ms", str(window_ms)]
        if "size" in settings:
            mode = "echo"
            arguments += ["--size", str(settings["size"])]
        else:
            mode = "http"
            arguments += ["--body", HTTP_BODY]
        together = settings["connections"] == 1
        counted = generate_load(mode, server.address, arguments, with_server=together)
    if not counted["requests"]:
        raise MeasurementError("no request was answered")
    return {"value": counted["cpu_ns"] / counted["requests"], **counted}


def measure_connections(case: Case, contestant: Contestant) -> dict[str, Any]:
    """Bytes that the server grows by for one idle connection that has been greeted once."""
    settings = case.settings
    with (
        started_server(server_command(case, contestant), settings["transport"]) as server,
        idle_connections(server.address, settings["first"]),
    ):
        before = resident_bytes(server.pid)
        with idle_connections(server.address, settings["connections"]):
            grown = resident_bytes(server.pid) - before
    return {"value": grown / settings["connections"], "connections": settings["connections"]}


def server_command(case: Case, contestant: Contestant) -> list[str]:
    """Without the address, which is put in by `started_server` as `{address}`."""
    if contestant.spec is None:
        return [str(build.floor_server(contestant.name)), "{address}"]
    program = SERVERS / case.settings["program"]
    arguments = case.settings["arguments"]
    return [contestant.python, str(program), *arguments, "{address}", contestant.spec]


@contextlib.contextmanager
def started_server(command: list[str], transport: str) -> Iterator[Server]:
    with (
        tempfile.TemporaryDirectory(prefix="riata-bench-") as folder,
        Path(folder, "stderr").open("w+") as stderr,
    ):
        address = {
            "tcp": "127.0.0.1:0",
            "tls": "tls:127.0.0.1:0",
            "unix": f"unix:{folder}/socket",
        }[transport]
        words = [address if word == "{address}" else word for word in command]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=stderr, text=True)
        try:
            pin(process.pid, last=True)
            bound = read_greeting(process)
            yield Server(process.pid, address if transport == "unix" else bound)
        except MeasurementError as error:
            raise MeasurementError(f"{error}\n{tail(stderr)}".rstrip()) from None
        finally:
            process.kill()
            process.wait()


def read_greeting(process: subprocess.Popen[str]) -> str:
    """The address in the server's first line, `listening on ADDRESS`."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_LIMIT)
    words = process.stdout.readline().split() if ready else []
    if words[:2] != ["listening", "on"]:
        raise MeasurementError("the server did not start")
    return words[2]


def generate_load(
    mode: str, address: str, arguments: list[str], *, with_server: bool
) -> dict[str, Any]:
    """Raises:
    MeasurementError: an answer was wrong, or did not come.
    """
    process = subprocess.Popen(
        [build.load_generator(), mode, address, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    pin(process.pid, last=with_server)
    try:
        output, errors = process.communicate(timeout=TIME_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise MeasurementError(f"no result after {TIME_LIMIT:.0f} s") from None
    if not output:
        raise MeasurementError(errors.strip())
    counted = json.loads(output)
    if counted["errors"]:
        raise MeasurementError(
            f"{counted['errors']} answers were wrong, first: {counted['first_error']}"
        )
    return counted


@contextlib.contextmanager
def idle_connections(address: str, count: int) -> Iterator[None]:
    process = subprocess.Popen(
        [build.load_generator(), "idle", address, "--connections", str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        if not line or json.loads(line)["open"] != count:
            raise MeasurementError(f"cannot open {count} connections: {process.stderr.read()}")
        yield
    finally:
        process.kill()
        process.communicate()


def pin(pid: int, *, last: bool) -> None:
    """Give a process the last processor of ours, or all the others."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) > 1:
        os.sched_setaffinity(pid, available[-1:] if last else available[:-1])


def tail(stream: Any) -> str:
    stream.seek(0)
    return "\n".join(stream.read().strip().splitlines()[-6:])
