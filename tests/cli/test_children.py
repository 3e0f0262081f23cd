"""Child processes of a program under `riata run`: they are on riata's loop, and end as they do under `python`."""

import multiprocessing
import os
import signal
import subprocess
import time

import pytest

from .conftest import PYTHON, RIATA, TIME_LIMIT, Outcome, clean_environment

METHODS = multiprocessing.get_all_start_methods()
# A fork beside threads is what some of these programs are about; Python warns of it since 3.12.
QUIET = {"PYTHONWARNINGS": "ignore"}
HEAD = """\
import asyncio, multiprocessing, os, signal, subprocess, sys
from concurrent.futures import ProcessPoolExecutor
def say(*words):  # in one write, so that processes do not mix their lines
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())
def name():
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]
async def tell():
    await asyncio.sleep(0.001)
    return name()
"""


def on_both(run, *arguments):
    """Run a program with `python` and with `riata run`; it must print the same but for the loop's name."""
    expected, outcome = run(PYTHON, *arguments, env=QUIET), run(RIATA, *arguments, env=QUIET)
    assert expected.status == 0, expected.err
    assert outcome == Outcome(0, expected.out.replace("asyncio", "riata"), expected.err)
    return outcome.out


def test_executor_of_processes_awaited_by_the_loop(run, write):
    write(
        "app.py",
        HEAD
        + "def child(n): return n * n, asyncio.run(tell())\n"
        + "async def main():\n"
        + "    loop = asyncio.get_running_loop()\n"
        + "    for method in multiprocessing.get_all_start_methods():\n"
        + "        with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:\n"
        + "            jobs = [loop.run_in_executor(pool, child, n) for n in range(5)]\n"
        + "            print(method, name(), await asyncio.gather(*jobs), flush=True)\n"
        + "if __name__ == '__main__':\n    asyncio.run(main())\n",
    )
    out = on_both(run, "app.py")
    assert out.count("(16, 'riata')") == len(METHODS) >= 3


def test_process_started_within_a_coroutine(run, write):
    """The loop of the parent is running when the child is made, by fork too."""
    write(
        "app.py",
        HEAD
        + "def child(queue): queue.put(asyncio.run(tell()))\n"
        + "async def main():\n"
        + "    for method in multiprocessing.get_all_start_methods():\n"
        + "        context = multiprocessing.get_context(method)\n"
        + "        queue = context.SimpleQueue()\n"
        + "        process = context.Process(target=child, args=(queue,))\n"
        + "        process.start()\n"
        + "        answer = await asyncio.to_thread(queue.get)\n"
        + "        await asyncio.to_thread(process.join)\n"
        + "        print(method, name(), answer, process.exitcode, flush=True)\n"
        + "if __name__ == '__main__':\n    asyncio.run(main())\n",
    )
    assert on_both(run, "app.py").count("riata riata 0\n") == len(METHODS) >= 3


def test_children_of_the_subprocess_module(run, write):
    """In threads, since the loop's own subprocesses are not there yet."""
    write("child.py", HEAD + "print(asyncio.run(tell()), sys.argv[1:])\n")
    write(
        "app.py",
        HEAD
        + "async def main():\n"
        + "    command = [sys.executable, 'child.py', 'one']\n"
        + "    child = lambda: subprocess.run(command, capture_output=True, text=True)\n"
        + "    done = await asyncio.gather(*[asyncio.to_thread(child) for _ in range(3)])\n"
        + "    print(name(), [(d.returncode, d.stdout, d.stderr) for d in done])\n"
        + "asyncio.run(main())\n",
    )
    assert on_both(run, "app.py").count("(0, \"riata ['one']\\n\", '')") == 3


STOP = """
def worker(queue):
    # A forked child has the handler of its parent's running loop.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    async def main():
        task = asyncio.current_task()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        asyncio.get_running_loop().call_later(0.01, queue.put, name())  # when it waits
        try:
            await asyncio.sleep(50)
        finally:
            say("worker cleaning up")
            await asyncio.sleep(0.01)
            say("worker cleaned up")
    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        sys.exit(5)
    except KeyboardInterrupt:
        sys.exit(6)

async def main(context):
    queue = context.SimpleQueue()
    processes = [context.Process(target=worker, args=(queue,)) for _ in range(2)]
    def terminate():
        for process in processes:
            process.terminate()
        task.cancel()
    task = asyncio.current_task()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, terminate)
    for process in processes:
        process.start()
    loops = [await asyncio.to_thread(queue.get) for _ in processes]
    asyncio.get_running_loop().call_later(0.01, lambda: say("ready", name(), *loops))
    try:
        await asyncio.sleep(50)
    finally:
        for process in processes:
            process.join()
        say("exit codes", [process.exitcode for process in processes])

if __name__ == "__main__":
    asyncio.run(main(multiprocessing.get_context(sys.argv[1])))
"""

POOL = """
def begin(queue):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    queue.put("begun")
def job(n):
    asyncio.run(asyncio.sleep(0.3))
    say("job is over")
    return asyncio.run(tell())
async def main(context):
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    queue = context.SimpleQueue()
    with ProcessPoolExecutor(2, context, initializer=begin, initargs=(queue,)) as pool:
        jobs = [loop.run_in_executor(pool, job, n) for n in range(2)]
        for _ in jobs:
            await asyncio.to_thread(queue.get)
        loop.call_later(0.01, say, "ready", name())
        try:
            await asyncio.sleep(50)
        finally:
            say("loops", *await asyncio.gather(*jobs))
    say("pool is closed")

if __name__ == "__main__":
    asyncio.run(main(multiprocessing.get_context(sys.argv[1])))
"""


def stopped(launcher, path, method, how, *, group):
    """Send a signal once the program is ready: to its process, or to its group as a terminal does."""
    with subprocess.Popen(
        [*launcher, str(path), method],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(QUIET),
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        try:
            early = []  # a job may be over before a slow machine has started the other one
            while not (ready := process.stdout.readline()).startswith("ready"):
                assert ready, process.stderr.read()
                early.append(ready.rstrip())
            (os.killpg if group else os.kill)(process.pid, how)
            out, err = process.communicate(timeout=TIME_LIMIT)
        finally:
            process.kill()
        assert group_ends(process.pid)
        return process.returncode, ready, sorted(early + out.splitlines()), err.splitlines()[-1:]


def group_ends(group):
    """Tell whether nobody of the group is left; multiprocessing's helpers take a moment."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("program", [STOP, POOL], ids=["processes", "pool"])
@pytest.mark.parametrize(
    ("how", "group"), [(signal.SIGINT, True), (signal.SIGTERM, False)], ids=["ctrl-c", "SIGTERM"]
)
def test_stopped(write, method, program, how, group):
    path = write("app.py", HEAD + program)
    status, ready, out, err = stopped(PYTHON, path, method, how, group=group)
    expected = (
        status,
        ready.replace("asyncio", "riata"),
        [line.replace("asyncio", "riata") for line in out],
        err,
    )
    assert stopped(RIATA, path, method, how, group=group) == expected
    if program is POOL:
        assert out == ["job is over", "job is over", "loops asyncio asyncio"]
    else:
        code = 6 if how == signal.SIGINT else 5
        assert out[0] == f"exit codes [{code}, {code}]"
        assert out.count("worker cleaned up") == 2
