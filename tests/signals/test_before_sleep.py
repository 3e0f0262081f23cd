"""A signal that comes when the last callback has run, and before the loop sleeps."""

import ctypes
import os
import signal
import time

import pytest

libc = ctypes.CDLL(None)


@pytest.fixture
def sends_a_signal():
    """A function in C, behind which no Python code runs that would look at signals."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda loop: loop.call_soon(libc.kill, os.getpid(), int(signal.SIGUSR1))
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("how", ["stop", "call_soon", "call_later"])
@pytest.mark.parametrize("asleep", ["for ever", "until a timer"])
def test_its_handler_runs_at_once(loop, sends_a_signal, how, asleep):
    late = []

    def handler(number, frame):
        if how == "stop":
            loop.stop()
        elif how == "call_soon":
            loop.call_soon(loop.stop)
        else:
            loop.call_later(0.01, loop.stop)

    signal.signal(signal.SIGUSR1, handler)
    timer = loop.call_later(3 if asleep == "until a timer" else 20, late.append, "timer")
    began = time.monotonic()
    sends_a_signal(loop)
    loop.run_forever()
    timer.cancel()
    assert not late
    assert time.monotonic() - began < 2
