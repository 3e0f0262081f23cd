"""Servers that the tests start for themselves: in a temporary folder, on a free port, stopped at the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..support import script_environment

APPS = Path(__file__).parent / "apps"


def missing(what: str) -> None:
    """Skip, and say what is missing; in CI that is a failure."""
    if os.environ.get("RIATA_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{what}, and RIATA_REQUIRE_SERVERS=1 does not let this test be skipped")
    pytest.skip(what)


def program(name: str, *folders: str, package: str) -> str:
    """The path of an installed program."""
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(folders))
    if found is None:
        missing(f"`{name}` is not installed (Debian's package {package} has it)")
    return found


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_for_port(port: int, process: subprocess.Popen, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            output = process.stdout.read() if process.stdout else ""
            raise AssertionError(f"{process.args} ended with {process.returncode}: {output}")
        assert time.monotonic() < deadline, f"{process.args} does not listen on port {port}"
        time.sleep(0.01)


def stop(process: subprocess.Popen, how: int = signal.SIGTERM, *, seconds: float = 20) -> str:
    """End a server and give back what it printed."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        raise AssertionError(f"{process.args} did not stop within {seconds} s: {output}") from None
    return output or ""


# Redis


@dataclass
class Redis:
    port: int


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[Redis]:
    binary = program("redis-server", "/usr/sbin", "/usr/local/bin", package="redis-server")
    port = free_port()
    process = subprocess.Popen(
        [
            binary,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            str(folder),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for_port(port, process)
        yield Redis(port)
    finally:
        stop(process)


# PostgreSQL


@dataclass
class Postgres:
    port: int
    user: str = "riata"

    @property
    def dsn(self) -> str:
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/postgres"


@contextlib.contextmanager
def postgres_server(folder: Path) -> Iterator[Postgres]:
    folders = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    initdb = program("initdb", *folders, package="postgresql")
    server = program("postgres", *folders, package="postgresql")
    prefix: list[str] = []
    if os.geteuid() == 0:
        # PostgreSQL refuses to be run by root.
        import pwd

        try:
            account = pwd.getpwnam("postgres")
        except KeyError:
            missing(
                "PostgreSQL cannot be run by root, and there is no user `postgres` to run it as"
            )
        setpriv = program("setpriv", package="util-linux")
        prefix = [
            setpriv,
            f"--reuid={account.pw_uid}",
            f"--regid={account.pw_gid}",
            "--clear-groups",
        ]
        os.chown(folder, account.pw_uid, account.pw_gid)
    data = folder / "data"
    made = subprocess.run(
        [
            *prefix,
            initdb,
            "-D",
            str(data),
            "-U",
            "riata",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
        ],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert made.returncode == 0, made.stderr
    port = free_port()
    settings = {
        "fsync": "off",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "port": str(port),
        "max_connections": "30",
        "shared_buffers": "16MB",
    }
    process = subprocess.Popen(
        [
            *prefix,
            server,
            "-D",
            str(data),
            *(x for k, v in settings.items() for x in ("-c", f"{k}={v}")),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
    )
    try:
        wait_for_port(port, process)
        # It listens before it has finished starting.
        ready = [
            program("pg_isready", *folders, package="postgresql"),
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
        ]
        deadline = time.monotonic() + 20
        while subprocess.run(ready).returncode != 0:
            assert time.monotonic() < deadline, "PostgreSQL does not accept connections"
            time.sleep(0.02)
        yield Postgres(port)
    finally:
        stop(process, signal.SIGINT)


# uvicorn


@dataclass
class Uvicorn:
    process: subprocess.Popen
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


UVICORN_LOOPS = {"asyncio": "asyncio", "riata": "riata:new_event_loop"}


@contextlib.contextmanager
def uvicorn(loop_name: str, app: str, *options: str) -> Iterator[Uvicorn]:
    """`uvicorn --loop … app` in a process of its own, as a user starts it."""
    port = free_port()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", app, "--app-dir", str(APPS)),
            *("--host", "127.0.0.1", "--port", str(port), "--loop", UVICORN_LOOPS[loop_name]),
            *options,
        ],
        env=script_environment(loop_name),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for_port(port, process)
        yield Uvicorn(process, port)
    finally:
        if process.poll() is None:
            stop(process)
        elif process.stdout and not process.stdout.closed:
            process.stdout.close()
