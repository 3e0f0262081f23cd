"""`riata.dump`: what it says of tasks, and that it comes on a signal, also while the loop is blocked."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import textwrap

import pytest

import riata

from ..support import LOOPS, checked_loop


@pytest.fixture(params=LOOPS)
def loop(request):
    with checked_loop(request.param) as (loop, _):
        yield loop


def dumped():
    text = io.StringIO()
    riata.dump(text)
    return text.getvalue()


async def dump_of(*coros):
    """The dump while these wait, by name."""
    tasks = [asyncio.create_task(coro, name=f"task-{n}") for n, coro in enumerate(coros)]
    for _ in range(5):
        await asyncio.sleep(0)
    text = dumped()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return text


def test_every_task_is_described(loop):
    async def wait(event):
        await event.wait()

    async def hold(kept):
        await asyncio.sleep(60)

    async def main():
        asyncio.current_task().set_name("main")
        event = riata.Event()
        return await dump_of(wait(event), hold(event))

    text = loop.run_until_complete(main())
    first, main_, waits, holds = text.split("\n\n")
    assert first.startswith("3 tasks of <") and ", at loop time " in first
    assert main_.startswith("task 'main'\n  runs\n") and "text = dumped()" in main_
    assert waits.startswith("task 'task-0'\n  awaits Event.wait of <riata.Event object at ")
    assert f"; task 'task-1' has it as kept in hold ({__file__}:" in waits
    assert waits.endswith("    await event.wait()")
    assert holds.startswith("task 'task-1'\n  awaits sleep\n")
    assert holds.strip().endswith("    await asyncio.sleep(60)")


def test_rings_are_named_and_queues_behind_them_are_not(loop):
    async def cross(one, other):
        async with one:
            await asyncio.sleep(0)
            async with other:
                pass

    async def main():
        first, second = riata.Lock(), riata.Lock()
        return await dump_of(cross(first, second), cross(second, first), first.acquire())

    text = loop.run_until_complete(main())
    rings = [part for part in text.split("\n\n") if part.startswith("deadlock: ")]
    assert rings == [
        "deadlock: 'task-0' awaits Lock.__aenter__, held by 'task-1'; "
        "'task-1' awaits Lock.__aenter__, held by 'task-0'"
    ]


def test_a_semaphore_that_another_holder_may_release_is_no_deadlock(loop):
    async def main():
        semaphore, lock = riata.Semaphore(2), riata.Lock()

        async def free():
            async with semaphore:
                await asyncio.sleep(60)

        async def tied():
            async with semaphore:
                await asyncio.sleep(0)
                async with lock:
                    pass

        async def waits():
            async with lock:
                async with semaphore:
                    pass

        return await dump_of(free(), tied(), waits())

    text = loop.run_until_complete(main())
    assert "deadlock" not in text
    assert "awaits Lock.__aenter__" in text and "awaits Semaphore.__aenter__" in text


def test_without_a_loop():
    with pytest.raises(RuntimeError, match="no running event loop"):
        riata.dump()


PROGRAM = """
    import asyncio
    import os
    import signal
    import time


    async def main():
        asyncio.create_task(asyncio.sleep(60), name="sleeper")
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        loop.call_later(0.05, os.kill, os.getpid(), signal.SIGUSR1)
        await asyncio.sleep(0.1)
        pid = os.posix_spawn("/bin/sh", ["sh", "-c", f"sleep 0.1; kill -USR1 {os.getpid()}"], os.environ)
        time.sleep(0.5)  # the loop is blocked
        os.waitpid(pid, 0)
        print("went on")


    asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["option", "option=", "variable"])
def test_on_a_signal(tmp_path, how):
    program = tmp_path / "app.py"
    program.write_text(textwrap.dedent(PROGRAM))
    command = {
        "option": ["-m", "riata", "run", "--dump-on", "SIGUSR1", str(program)],
        "option=": ["-m", "riata", "run", "--native", "--dump-on=USR1", str(program)],
        "variable": ["-m", "riata", "run", str(program)],
    }[how]
    environment = dict(os.environ)
    if how == "variable":
        environment["RIATA_DUMP"] = "SIGUSR1"
    ended = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout == "went on\n", ended.stderr
    waiting, blocked = ended.stderr.split("2 tasks of <EventLoop ")[1:]
    assert "task 'sleeper'\n  awaits sleep" in waiting
    assert "  runs\n" not in waiting
    assert "  runs\n" in blocked and "    time.sleep(0.5)  # the loop is blocked" in blocked
    assert ended.stderr.count("(most recent call first):") >= 2


@pytest.mark.parametrize("name", ["SIGNONE", "KILL", "", "SIG_DFL"])
def test_no_signal(name):
    command = [sys.executable, "-m", "riata", "run", f"--dump-on={name}", "-c", "pass"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert f"riata: there is no signal {name!r} to dump on\nhint: " in ended.stderr
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
