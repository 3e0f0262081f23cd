"""Ctrl-C at a program that runs under `riata run`, or through `riata.run`."""

import signal
import subprocess
import sys

import pytest

from .conftest import PYTHON, RIATA, TIME_LIMIT, clean_environment

PROGRAM = """\
import asyncio, sys, signal
RUN
async def main():
    loop = asyncio.get_running_loop()
    loop.call_later(0.01, lambda: print("ready", flush=True))  # when `main` waits
    try:
        await asyncio.sleep(50)
    finally:
        print("cleaning up", flush=True)
        CLEAN_UP
        print("cleaned up", flush=True)
try:
    run(main())
finally:
    print("leaving", flush=True)
"""
ASYNCIO_RUN = "from asyncio import run"
RIATA_RUN = "from riata import run"
# asyncio.run cancels the main task upon Ctrl-C since 3.11; riata.run does on 3.10 too.
CANCELS = sys.version_info >= (3, 11)


def interrupt(launcher, path, *, times=1):
    """Run a program, send SIGINT for each of the first `times` lines it prints; return status, stdout, stderr."""
    with subprocess.Popen(
        [*launcher, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
        # A shell's background job has SIGINT ignored, and Python then leaves it so.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        lines = []
        for _ in range(times):
            lines.append(process.stdout.readline())
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIME_LIMIT)
        return process.returncode, "".join(lines) + out, err.strip().splitlines()[-1:]


@pytest.mark.parametrize(
    "debug", ["", "import functools; run = functools.partial(run, debug=True)"]
)
@pytest.mark.parametrize(
    ("launcher", "runner"),
    [(RIATA, ASYNCIO_RUN), (PYTHON, RIATA_RUN), (RIATA, RIATA_RUN)],
    ids=["riata-run", "riata.run", "both"],
)
def test_once(write, launcher, runner, debug):
    """The main task is cancelled and cleans up, then the process ends by the signal, so that a shell sees 130."""
    text = PROGRAM.replace("CLEAN_UP", "await asyncio.sleep(0.01)")
    expected = interrupt(PYTHON, write("plain.py", text.replace("RUN", ASYNCIO_RUN)))
    assert expected == (
        -signal.SIGINT,
        "ready\ncleaning up\ncleaned up\nleaving\n",
        ["KeyboardInterrupt"],
    )
    assert (
        interrupt(launcher, write("app.py", text.replace("RUN", f"{runner}\n{debug}"))) == expected
    )


@pytest.mark.parametrize(
    ("launcher", "runner"), [(PYTHON, RIATA_RUN)] + ([(RIATA, ASYNCIO_RUN)] if CANCELS else [])
)
def test_twice(write, launcher, runner):
    """The second Ctrl-C interrupts the clean-up."""
    text = PROGRAM.replace("CLEAN_UP", "await asyncio.sleep(50)")
    if CANCELS:
        expected = interrupt(PYTHON, write("plain.py", text.replace("RUN", ASYNCIO_RUN)), times=2)
        assert expected == (-signal.SIGINT, "ready\ncleaning up\nleaving\n", ["KeyboardInterrupt"])
    outcome = interrupt(launcher, write("app.py", text.replace("RUN", runner)), times=2)
    assert outcome == (-signal.SIGINT, "ready\ncleaning up\nleaving\n", ["KeyboardInterrupt"])


def test_busy_program(write):
    """Ctrl-C reaches a program whose tasks never wait for the world."""
    text = (
        "import asyncio\n"
        "async def main():\n"
        "    print('ready', flush=True)\n"
        "    while True:\n"
        "        await asyncio.sleep(0)\n"
        "asyncio.run(main())\n"
    )
    path = write("app.py", text)
    assert interrupt(RIATA, path) == (-signal.SIGINT, "ready\n", ["KeyboardInterrupt"])


def test_handler_of_the_program(write):
    """A program that handles SIGINT itself is not interfered with."""
    text = PROGRAM.replace("CLEAN_UP", "pass").replace(
        "RUN",
        f"{RIATA_RUN}\nsignal.signal(signal.SIGINT, lambda *_: (print('mine', flush=True), sys.exit(7)))",
    )
    status, out, _ = interrupt(PYTHON, write("app.py", text))
    assert status == 7
    assert out.startswith("ready\nmine\n")


def test_waiting_for_input(write):
    # Short sleeps: a signal that comes right before a system call does not interrupt it.
    text = "import time\nprint('ready', flush=True)\nwhile True: time.sleep(0.1)\n"
    path = write("app.py", text)
    assert interrupt(RIATA, path) == interrupt(PYTHON, path)
