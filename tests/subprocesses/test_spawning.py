"""What happens while a process is being started: the loop goes on, and nothing is left when that fails or is given up."""

import asyncio
import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import pytest

from ..support import (
    OTHERS,
    PY312,
    child_processes,
    differential,
    new_event_loop,
    open_fds,
    until,
)

SLOW = 0.3


def pause():
    time.sleep(SLOW)


def fail():
    raise ValueError("in the child")


async def turns_until_done(task):
    """How often the loop went around while the task ran."""
    turns = 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0.005)
    return turns


@pytest.fixture(params=OTHERS)
def own_loop(request):
    """Not asyncio's, which waits."""
    loop = new_event_loop(request.param)
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@pytest.mark.slow
@pytest.mark.parametrize("form", ["exec", "shell"])
def test_the_loop_goes_on(own_loop, form):
    async def main():
        if form == "exec":
            start = asyncio.create_subprocess_exec(
                "/bin/cat", stdin=-1, stdout=-1, preexec_fn=pause
            )
        else:
            start = asyncio.create_subprocess_shell("cat", stdin=-1, stdout=-1, preexec_fn=pause)
        task = asyncio.ensure_future(start)
        assert await turns_until_done(task) > 5
        process = task.result()
        assert (await process.communicate(b"data"))[0] == b"data"
        assert process.returncode == 0
        popen = process._transport.get_extra_info("subprocess")
        assert type(popen) is subprocess.Popen
        assert popen.pid == process.pid

    own_loop.run_until_complete(main())


@pytest.mark.slow
@pytest.mark.parametrize("when", ["at once", "in the child", "twice"])
def test_given_up(own_loop, when):
    async def main():
        before, children = open_fds(), child_processes()
        coro = asyncio.create_subprocess_exec(
            "/bin/sleep", "100", stdin=-1, stdout=-1, stderr=-1, preexec_fn=pause
        )
        task = asyncio.ensure_future(coro)
        await asyncio.sleep(0 if when == "at once" else SLOW / 3)
        task.cancel()
        if when == "twice":
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await until(lambda: threads_of_riata() == 0)
        assert open_fds() == before
        assert child_processes() <= children

    own_loop.run_until_complete(main())


def threads_of_riata():
    return sum(thread.name == "riata-spawn" for thread in threading.enumerate())


@pytest.mark.slow
@pytest.mark.parametrize("turns", [1, 20])
@pytest.mark.parametrize("loop_name", OTHERS)
def test_the_loop_is_closed_meanwhile(loop_name, turns):
    """Whoever waited is gone; the thread ends, with what it held."""
    before, children = open_fds(), child_processes()
    loop = new_event_loop(loop_name)
    loop.set_exception_handler(lambda *_: None)
    task = loop.create_task(
        asyncio.create_subprocess_exec("/bin/true", stdin=-1, stdout=-1, preexec_fn=pause)
    )
    loop.run_until_complete(asyncio.sleep(0.005 * turns))
    loop.close()
    del task, loop
    deadline = time.monotonic() + 10
    while threads_of_riata() or open_fds() != before:
        gc.collect()
        assert time.monotonic() < deadline, open_fds()
        time.sleep(0.01)
    subprocess._cleanup()
    assert child_processes() <= children


def test_what_preexec_fn_raises():
    async def scenario(loop, log):
        for function in (fail, "no function", 5):
            try:
                await asyncio.create_subprocess_exec("/bin/true", preexec_fn=function)
            except Exception as error:
                log(type(error), error.args)

    differential(scenario)


def test_other_failures_with_preexec_fn(tmp_path):
    async def scenario(loop, log):
        before = open_fds()
        for arguments, options in [
            (("/no/such/program",), {}),
            ((str(tmp_path),), {}),
            (("/bin/true",), {"cwd": "/no/such/folder"}),
            (("/bin/true\0",), {}),
            (("/bin/true",), {"stdin": 10**6}),
            (("/bin/true",), {"umask": "no"}),
            (("/bin/true",), {"nonsense": 1}),
        ]:
            try:
                await asyncio.create_subprocess_exec(*arguments, preexec_fn=os.getpid, **options)
            except Exception as error:
                log(type(error), str(error))
        await until(lambda: open_fds() == before)

    differential(scenario)


def test_the_child_comes_from_the_thread_of_the_loop():
    """It is killed when the thread that made it ends, if it asks for that, so no helper may make it."""
    if sys.platform != "linux":
        pytest.skip("PR_SET_PDEATHSIG is Linux's")
    prctl = ctypes.CDLL(None).prctl

    async def scenario(loop, log):
        process = await asyncio.create_subprocess_exec(
            "/bin/cat", stdin=-1, stdout=-1, preexec_fn=lambda: prctl(1, signal.SIGKILL)
        )
        await asyncio.sleep(0.05)
        log(await process.communicate(b"still there"), process.returncode)

    differential(scenario)


@pytest.mark.skipif(not PY312, reason="CPython warns of forks among threads since 3.12")
def test_no_more_warnings_than_on_asyncio():
    """The thread that waits for the child is no reason to warn of a fork in a process with threads."""

    async def scenario(loop, log):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            process = await asyncio.create_subprocess_exec("/bin/true", preexec_fn=os.getpid)
            await process.wait()
        log(
            sorted(
                {
                    str(warning.message).split(", ")[-1]
                    for warning in caught
                    if "fork" in str(warning.message)
                }
            )
        )

    differential(scenario)


def test_as_another_user():
    if os.getuid() != 0:
        pytest.skip("only root may become another user")

    async def scenario(loop, log):
        process = await asyncio.create_subprocess_exec(
            "/usr/bin/id", stdout=-1, user=65534, group=65534, extra_groups=[65534], umask=0o077
        )
        log(await process.communicate())
        try:
            await asyncio.create_subprocess_exec("/bin/true", user="nobody-of-that-name")
        except Exception as error:
            log(type(error), str(error))

    differential(scenario)
