"""Nothing is called a deadlock that something could still end, however little is known of that."""

import pytest

CONFTEST = """
import concurrent.futures
import queue
import threading

jobs = queue.Queue()
executor = concurrent.futures.ThreadPoolExecutor(1)


def work():
    while True:
        jobs.get()()


threading.Thread(target=work, daemon=True).start()
"""

PROJECT = """
import _thread
import asyncio
import concurrent.futures
import os
import signal
import subprocess
import threading
import time

import pytest

import conftest


@pytest.fixture
def event():
    return asyncio.Event()


def soon(function):
    def call():
        time.sleep(0.3)
        function()

    return call


async def test_thread_of_the_conftest(event):
    loop = asyncio.get_running_loop()
    conftest.jobs.put(soon(lambda: loop.call_soon_threadsafe(event.set)))
    await event.wait()


async def test_executor_of_the_conftest():
    await asyncio.get_running_loop().run_in_executor(conftest.executor, time.sleep, 0.3)


async def test_deadlock_beside_them(event):
    await event.wait()


async def test_thread_that_nobody_lists(event):
    loop = asyncio.get_running_loop()
    _thread.start_new_thread(soon(lambda: loop.call_soon_threadsafe(event.set)), ())
    await event.wait()


@pytest.mark.parametrize("number", [signal.SIGALRM, signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH, signal.SIGTERM])
async def test_handler_of_a_signal(event, number):
    loop = asyncio.get_running_loop()
    before = signal.signal(number, lambda *_: loop.call_soon_threadsafe(event.set))
    try:
        if number == signal.SIGALRM:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
        else:
            subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -{int(number)} {os.getpid()}"])
        await event.wait()
    finally:
        signal.signal(number, before)


async def test_loop_in_a_thread(event):
    loop = asyncio.get_running_loop()

    async def main():
        await asyncio.sleep(0.3)
        loop.call_soon_threadsafe(event.set)

    threading.Thread(target=asyncio.run, args=(main(),)).start()
    await event.wait()


async def test_executor_that_is_busy_to_the_last():
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        jobs = [loop.run_in_executor(executor, time.sleep, 0.25) for _ in range(2)]
        await asyncio.gather(*jobs)


@pytest.mark.riata(timeout=0.3)
async def test_takes_the_alarm():
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("not mine"))


def test_gets_no_alarm():
    time.sleep(2)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


# What tests do to the alarm and to handlers is their own.


@pytest.fixture
async def loop_ran():
    await asyncio.sleep(0)


@pytest.fixture
def alarm(loop_ran):
    came = []
    before = signal.signal(signal.SIGALRM, lambda *_: came.append(1))
    yield came
    signal.signal(signal.SIGALRM, before)


def test_alarm_in_a_sync_test(alarm):
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    time.sleep(0.2)
    assert alarm == [1]


async def test_alarm_in_an_async_test(alarm):
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    await asyncio.sleep(0.2)
    assert alarm == [1]


@pytest.mark.riata(timeout=0.2)
async def test_limit_after_that():
    time.sleep(60)


@pytest.fixture
def all_handlers():
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    yield
    for number, handler in before.items():
        if handler is not None and number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, handler)


async def test_handlers_are_put_back(all_handlers):
    time.sleep(0.3)


async def test_blocks_after_that():
    time.sleep(0.3)


async def test_takes_the_signal():
    for number in range(signal.SIGRTMIN, signal.SIGRTMAX + 1):
        signal.signal(number, lambda *_: pytest.fail("not mine"))
    time.sleep(0.3)
    for number in range(signal.SIGRTMIN, signal.SIGRTMAX + 1):
        signal.signal(number, signal.SIG_DFL)


async def test_blocks_after_that_too():
    time.sleep(0.3)
"""


def test_all_that_can_go_on_does(ran):
    failed = {name for name, found in ran.outcomes.items() if found != ["PASSED"]}
    assert failed == {"test_deadlock_beside_them", "test_limit_after_that"}
    assert len(ran.outcomes) == 20


def test_verdicts_beside_all_that(ran):
    # The thread of the conftest could end it, as far as anybody knows: only time tells.
    assert "the call of the test took longer than 2 s" in ran.section("test_deadlock_beside_them")
    assert "the call of the test took longer than 0.2 s" in ran.section("test_limit_after_that")


@pytest.mark.parametrize(
    "name", ["test_handlers_are_put_back", "test_blocks_after_that", "test_blocks_after_that_too"]
)
def test_the_watchdog_has_its_signal_again(ran, name):
    told = ran.text.partition("riata: blocked the loop")[2]
    assert f"test_it.py::{name}\n" in told


INI = "riata_timeout = 2"
