"""Signals that come before a loop runs, between two runs, inside callbacks, and loops within loops."""

import asyncio
import os
import signal
import subprocess

import pytest

from ..support import PY311, differential, new_event_loop, run_script, until


def test_before_the_loop_runs(loop):
    seen = []
    loop.add_signal_handler(signal.SIGUSR1, seen.append, "early")
    os.kill(os.getpid(), signal.SIGUSR1)
    assert seen == []
    loop.run_until_complete(until(lambda: seen))
    assert seen == ["early"]
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR1)
    loop.run_until_complete(until(lambda: len(seen) == 3))
    loop.remove_signal_handler(signal.SIGUSR1)


def test_a_signal_that_is_removed_before_it_is_seen():
    def scenario(loop, log):
        loop.add_signal_handler(signal.SIGUSR1, log, "removed")
        loop.add_signal_handler(signal.SIGUSR2, log, "kept")
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR2)
        log(loop.remove_signal_handler(signal.SIGUSR1))
        loop.run_until_complete(until(lambda: ("kept",) in log))
        log(loop.remove_signal_handler(signal.SIGUSR2))

    differential(scenario)


def test_children_told_by_sigchld(loop):
    """A handler of the program's own for SIGCHLD is called, beside asyncio's children."""
    seen = []
    loop.add_signal_handler(signal.SIGCHLD, seen.append, "ended")

    async def main():
        plain = subprocess.Popen(["true"])
        await until(lambda: seen)
        assert plain.wait() == 0
        process = await asyncio.create_subprocess_exec("sh", "-c", "exit 3")
        assert await process.wait() == 3
        await until(lambda: len(seen) >= 2)

    loop.run_until_complete(main())
    assert loop.remove_signal_handler(signal.SIGCHLD)
    assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL


def test_a_handler_is_called_in_its_context(loop):
    import contextvars

    variable = contextvars.ContextVar("variable", default="outside")
    seen = []
    context = contextvars.copy_context()
    context.run(variable.set, "inside")
    context.run(loop.add_signal_handler, signal.SIGUSR1, lambda: seen.append(variable.get()))
    os.kill(os.getpid(), signal.SIGUSR1)
    loop.run_until_complete(until(lambda: seen))
    loop.remove_signal_handler(signal.SIGUSR1)
    assert seen == ["inside"]


def test_a_loop_within_a_handler_of_another(loop_name):
    """The inner loop gives the wake-up descriptor back, or the outer never hears of signals (uvloop #270)."""
    outer, inner = new_event_loop(loop_name), new_event_loop(loop_name)
    seen = []
    outer.add_signal_handler(signal.SIGUSR1, seen.append, "outer")

    def nested():
        asyncio._set_running_loop(None)
        try:
            inner.run_until_complete(asyncio.sleep(0))
        finally:
            asyncio._set_running_loop(outer)
        os.kill(os.getpid(), signal.SIGUSR1)

    outer.call_soon(nested)
    outer.run_until_complete(until(lambda: seen))
    inner.close()
    os.kill(os.getpid(), signal.SIGUSR1)
    outer.run_until_complete(until(lambda: len(seen) == 2))
    outer.remove_signal_handler(signal.SIGUSR1)
    outer.close()


def test_a_run_without_handlers_keeps_the_programs_wakeup_descriptor(loop):
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    os.set_blocking(readable, False)
    before = signal.set_wakeup_fd(writable)
    try:
        handler = signal.signal(signal.SIGUSR1, lambda *_: None)

        async def main():
            os.kill(os.getpid(), signal.SIGUSR1)
            await asyncio.sleep(0.001)

        loop.run_until_complete(main())
        assert os.read(readable, 10) == bytes([signal.SIGUSR1])
        signal.signal(signal.SIGUSR1, handler)
    finally:
        assert signal.set_wakeup_fd(before) == writable
        os.close(readable)
        os.close(writable)


@pytest.mark.parametrize("where", ["call_soon", "call_later", "reader", "task", "signal", "thread"])
def test_keyboard_interrupt_inside_a_callback(where):
    """It ends the run, and the loop can run again and close (uvloop #295)."""

    def scenario(loop, log):
        readable, writable = os.pipe()

        def interrupt():
            raise KeyboardInterrupt

        async def task():
            interrupt()

        made = None
        if where == "call_soon":
            loop.call_soon(interrupt)
        elif where == "call_later":
            loop.call_later(0.001, interrupt)
        elif where == "thread":
            loop.call_soon_threadsafe(interrupt)
        elif where == "reader":
            os.write(writable, b"x")
            loop.add_reader(readable, interrupt)
        elif where == "signal":
            loop.add_signal_handler(signal.SIGUSR1, interrupt)
            os.kill(os.getpid(), signal.SIGUSR1)
        else:
            made = loop.create_task(task())
        log.attempt("first", loop.run_until_complete, asyncio.sleep(5))
        loop.remove_reader(readable)
        loop.remove_signal_handler(signal.SIGUSR1)
        if made is not None:
            log.attempt("task", made.result)
        log("running", loop.is_running(), asyncio._get_running_loop() is None)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        log.attempt("again", loop.run_until_complete, asyncio.sleep(0, "done"))
        os.close(readable)
        os.close(writable)

    differential(scenario)


INTERRUPTED = """
    import asyncio, os, signal, sys
    from loop_under_test import new_event_loop, run

    async def main():
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            print("cancelled")
            raise
        finally:
            print("cleaned up")

    def sync():
        loop = new_event_loop()
        try:
            loop.run_until_complete(main())
        except KeyboardInterrupt:
            print("interrupted", loop.is_running())
        for task in asyncio.all_tasks(loop):
            task.cancel()
            try:
                loop.run_until_complete(task)
            except asyncio.CancelledError:
                pass
        loop.close()

    def runner():
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            for _ in range(2):
                try:
                    runner.run(main())
                except KeyboardInterrupt:
                    print("interrupted", signal.getsignal(signal.SIGINT).__name__)
            print(runner.run(asyncio.sleep(0, "runs on")))

    {"sync": sync, "runner": runner}[sys.argv[1]]()
"""


@pytest.mark.parametrize("how", ["sync", "runner"])
def test_ctrl_c_of_a_run(how):
    """(uvloop #335)"""
    if how == "runner" and not PY311:
        pytest.skip("Runner is new in 3.11")
    from ..support import LOOPS

    found = {name: run_script(name, INTERRUPTED, how) for name in LOOPS}
    for name, done in found.items():
        assert done.returncode == 0, (name, done.stderr)
    assert len({(done.stdout, done.stderr) for done in found.values()}) == 1, found
