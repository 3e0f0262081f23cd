"""Signals: handlers on the loop, Ctrl-C, and what is put back afterwards."""

import asyncio
import os
import signal
import subprocess
import threading
import time

import pytest

from ..support import PY311, differential, run_script, start_script, turns, until


def test_a_handler_runs_on_the_loop(loop):
    seen = []

    async def main():
        loop.add_signal_handler(
            signal.SIGUSR1, lambda *args: seen.append((args, asyncio.get_running_loop())), 1, 2
        )
        os.kill(os.getpid(), signal.SIGUSR1)
        await until(lambda: seen)
        assert loop.remove_signal_handler(signal.SIGUSR1) is True
        assert loop.remove_signal_handler(signal.SIGUSR1) is False

    loop.run_until_complete(main())
    assert seen == [((1, 2), loop)]
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


def test_a_signal_wakes_a_sleeping_loop(loop):
    loop.add_signal_handler(signal.SIGUSR1, loop.stop)
    timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1))
    started = time.monotonic()
    timer.start()
    loop.run_forever()
    assert time.monotonic() - started < 2
    timer.join()
    loop.remove_signal_handler(signal.SIGUSR1)


def test_handlers_are_replaced_and_independent(loop):
    seen = []
    loop.add_signal_handler(signal.SIGUSR1, seen.append, "old")
    loop.add_signal_handler(signal.SIGUSR1, seen.append, "one")
    loop.add_signal_handler(signal.SIGUSR2, seen.append, "two")

    async def main():
        os.kill(os.getpid(), signal.SIGUSR1)
        await until(lambda: len(seen) == 1)
        os.kill(os.getpid(), signal.SIGUSR2)
        await until(lambda: len(seen) == 2)

    loop.run_until_complete(main())
    assert seen == ["one", "two"]
    assert loop.remove_signal_handler(signal.SIGUSR1)
    assert loop.remove_signal_handler(signal.SIGUSR2)


def test_removing_sigint_brings_back_the_default_handler(loop):
    loop.add_signal_handler(signal.SIGINT, print)
    assert loop.remove_signal_handler(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_wakeup_descriptor_is_restored(new_loop):
    assert signal.set_wakeup_fd(-1) == -1
    loop = new_loop()
    loop.add_signal_handler(signal.SIGUSR1, print)
    turns(loop)
    loop.remove_signal_handler(signal.SIGUSR1)
    assert signal.set_wakeup_fd(-1) == -1
    loop.add_signal_handler(signal.SIGUSR1, print)
    loop.close()
    assert signal.set_wakeup_fd(-1) == -1
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


def test_errors():
    def scenario(loop, log):
        async def coro():
            pass

        made = coro()
        for bad in (0, -1, 1000, "SIGINT", None, 1.5, signal.SIGKILL, signal.SIGSTOP):
            log.attempt("add", loop.add_signal_handler, bad, print)
            log.attempt("remove", loop.remove_signal_handler, bad)
        for bad in (made, coro):
            log.attempt("coroutine", loop.add_signal_handler, signal.SIGUSR1, bad)
        made.close()

        errors = []

        def work():
            try:
                loop.add_signal_handler(signal.SIGUSR1, print)
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        log(errors)

    differential(scenario)


def test_a_handler_that_raises(loop, reports):
    def boom():
        raise ValueError("boom")

    async def main():
        loop.add_signal_handler(signal.SIGUSR1, boom)
        os.kill(os.getpid(), signal.SIGUSR1)
        await until(lambda: reports)
        loop.remove_signal_handler(signal.SIGUSR1)

    loop.run_until_complete(main())
    assert isinstance(reports.take_one()["exception"], ValueError)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_a_handler_that_ends_the_run(loop, kind):
    def boom():
        raise kind("from the handler")

    loop.add_signal_handler(signal.SIGUSR1, boom)
    loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
    with pytest.raises(kind, match="from the handler"):
        loop.run_forever()
    loop.remove_signal_handler(signal.SIGUSR1)
    turns(loop)


def test_python_handlers_run_while_the_loop_waits(loop):
    """A plain signal.signal handler is not put off until the loop has something to do."""
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(time.monotonic()))
    timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        timer.start()
        started = time.monotonic()
        loop.call_later(0.1, loop.stop)
        loop.run_forever()
        assert seen and seen[0] - started < 0.08
    finally:
        signal.signal(signal.SIGUSR1, before)
        timer.join()


def test_python_handlers_run_while_the_loop_is_busy(loop):
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda *_: (seen.append(1), loop.stop()))

    def spin():
        loop.call_soon(spin)

    timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        timer.start()
        loop.call_soon(spin)
        loop.run_forever()
        assert seen == [1]
    finally:
        signal.signal(signal.SIGUSR1, before)
        timer.join()


def test_a_python_handler_that_raises_ends_the_run(loop):
    def handler(*_):
        raise ZeroDivisionError("in the handler")

    before = signal.signal(signal.SIGUSR1, handler)
    timer = threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        timer.start()
        with pytest.raises(ZeroDivisionError, match="in the handler"):
            loop.run_until_complete(asyncio.sleep(5))
        assert not loop.is_running()
    finally:
        signal.signal(signal.SIGUSR1, before)
        timer.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        turns(loop, 3)


def test_keyboard_interrupt_through_run(loop_name):
    source = """
        import asyncio, sys
        from loop_under_test import run

        async def main():
            try:
                print("ready", flush=True)
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                print("cancelled", flush=True)
                raise
            finally:
                print("cleaned up", flush=True)

        try:
            run(main())
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            sys.exit(7)
    """
    process = start_script(loop_name, source)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 7, err
    assert out.splitlines()[-1] == "interrupted"
    if PY311:
        assert out == "cancelled\ncleaned up\ninterrupted\n"


def test_keyboard_interrupt_of_a_busy_loop(loop_name):
    if loop_name == "asyncio" and not PY311:
        pytest.skip("3.10's asyncio may lose the task's next step, and then waits for ever")
    source = """
        import asyncio
        from loop_under_test import run

        async def main():
            print("ready", flush=True)
            while True:
                await asyncio.sleep(0)

        run(main())
    """
    process = start_script(loop_name, source)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in err


@pytest.mark.skipif(
    not PY311, reason="run() turns the second Ctrl-C into an interrupt since CPython 3.11"
)
def test_a_second_ctrl_c_does_not_wait(loop_name):
    source = """
        import asyncio, time
        from loop_under_test import run

        async def main():
            print("ready", flush=True)
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                print("ignoring", flush=True)
                # In small pieces: a signal just before the call would wait for the whole of a long sleep.
                for _ in range(15_000):
                    time.sleep(0.001)

        run(main())
    """
    process = start_script(loop_name, source)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "ignoring\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in err


def test_sigterm_default_ends_the_process(loop_name):
    source = """
        import asyncio
        from loop_under_test import run

        async def main():
            print("ready", flush=True)
            await asyncio.sleep(30)

        run(main())
    """
    process = start_script(loop_name, source)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGTERM


def test_signals_while_waiting_do_not_break_the_wait(loop):
    """EINTR under the poller: the sleep goes on for the time that is left."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    old = signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    try:
        started = loop.time()
        loop.run_until_complete(asyncio.sleep(0.05))
        assert 0.049 < loop.time() - started < 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, *old)
        signal.signal(signal.SIGALRM, before)


def test_a_flood_of_signals(loop):
    seen = []

    async def main():
        loop.add_signal_handler(signal.SIGUSR1, seen.append, 1)
        for _ in range(2000):
            os.kill(os.getpid(), signal.SIGUSR1)
        await until(lambda: seen)
        await asyncio.sleep(0)
        loop.remove_signal_handler(signal.SIGUSR1)

    loop.run_until_complete(main())
    assert 1 <= len(seen) <= 2000


def test_a_child_that_ends_is_no_trouble(loop):
    async def main():
        process = subprocess.Popen(["true"])
        while process.poll() is None:
            await asyncio.sleep(0.001)
        return process.returncode

    assert loop.run_until_complete(main()) == 0


def test_exit_code_of_a_script_that_fails(loop_name):
    source = """
        from loop_under_test import run

        async def main():
            raise ValueError("boom")

        run(main())
    """
    result = run_script(loop_name, source)
    assert result.returncode == 1
    assert result.stderr.rstrip().endswith("ValueError: boom")
