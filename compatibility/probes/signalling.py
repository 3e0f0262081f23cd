"""Signals and Ctrl-C."""

import asyncio
import os
import signal
import threading

from registry import probe
from support import expect, until


def kill(number=signal.SIGUSR1):
    os.kill(os.getpid(), number)


@probe()
async def signal_handler(loop):
    """`add_signal_handler` calls its callback with arguments, `remove_signal_handler` says whether there was one"""
    seen = []
    loop.add_signal_handler(signal.SIGUSR1, seen.append, 1)
    kill()
    await until(lambda: seen, "it is not called")
    assert loop.remove_signal_handler(signal.SIGUSR1) is True
    assert loop.remove_signal_handler(signal.SIGUSR1) is False
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


@probe()
def signal_before_run(new_loop):
    """A signal that arrives before the loop runs is handled when it runs"""
    loop = new_loop()
    seen = []
    loop.add_signal_handler(signal.SIGUSR1, lambda: (seen.append(1), loop.stop()))
    kill()
    loop.call_later(1, loop.stop)
    loop.run_forever()
    loop.close()
    assert seen == [1], "it is lost"


@probe()
def signal_between_runs(new_loop):
    """So is one that arrives between two runs of the loop"""
    loop = new_loop()
    seen = []
    loop.add_signal_handler(signal.SIGUSR1, lambda: (seen.append(1), loop.stop()))
    loop.run_until_complete(asyncio.sleep(0))
    kill()
    loop.call_later(1, loop.stop)
    loop.run_forever()
    loop.close()
    assert seen == [1], "it is lost"


@probe()
async def sigchld_handler(loop):
    """A SIGCHLD handler of the program is called, and subprocesses still end"""
    seen = []
    loop.add_signal_handler(signal.SIGCHLD, seen.append, 1)
    process = await asyncio.create_subprocess_exec("true")
    assert await process.wait() == 0
    await until(lambda: seen, "it is not called")
    loop.remove_signal_handler(signal.SIGCHLD)


@probe()
async def own_sigchld_untouched(loop):
    """A subprocess leaves a handler of `signal.signal(SIGCHLD)` as it is"""
    seen = []

    def handler(number, frame):
        seen.append(number)

    signal.signal(signal.SIGCHLD, handler)
    process = await asyncio.create_subprocess_exec("true")
    await process.wait()
    await until(lambda: seen, "it is not called")
    assert signal.getsignal(signal.SIGCHLD) is handler, "it is replaced"


@probe(issue="uvloop#40")
def wakeup_fd_restored(new_loop):
    """`close()` of a loop with signal handlers, or a run without any, leaves `signal.set_wakeup_fd` as it was"""
    receive, send = os.pipe()
    os.set_blocking(send, False)
    signal.set_wakeup_fd(send)
    loop = new_loop()
    loop.run_until_complete(asyncio.sleep(0))
    now = signal.set_wakeup_fd(-1)
    loop.close()
    assert now == send, f"after a run it is {now if now == -1 else 'another'}"
    loop = new_loop()
    loop.add_signal_handler(signal.SIGUSR1, int)
    loop.close()
    assert signal.set_wakeup_fd(-1) == -1, "after close() it is still set"


@probe()
async def python_signal_handlers(loop):
    """Handlers of `signal.signal` run while the loop sleeps"""
    seen = []
    signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
    loop.call_soon(lambda: threading.Timer(0.005, kill).start())
    await until(lambda: seen, "it is not called")


@probe(issue="uvloop#94")
def python_signal_handler_raises(new_loop):
    """An exception raised by a handler of `signal.signal` while the loop sleeps leaves `run_forever`"""

    class Leave(Exception):
        pass

    def handler(number, frame):
        raise Leave

    signal.signal(signal.SIGALRM, handler)
    loop = new_loop()
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    loop.call_later(0.5, loop.stop)
    expect(Leave, loop.run_forever)


@probe(issue="uvloop#295")
def interrupt_while_sleeping(new_loop):
    """Ctrl-C while the loop sleeps raises KeyboardInterrupt from `run_forever`, and the loop can run again"""
    loop = new_loop()
    threading.Timer(0.02, kill, (signal.SIGINT,)).start()
    loop.call_later(2, loop.stop)
    expect(KeyboardInterrupt, loop.run_forever)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


@probe()
def interrupt_in_callback(new_loop):
    """Ctrl-C within a callback interrupts the callback itself"""
    import time

    loop = new_loop()
    seen = []

    def busy():
        threading.Timer(0.01, kill, (signal.SIGINT,)).start()
        end = time.monotonic() + 1
        while time.monotonic() < end:
            pass
        seen.append("not interrupted")
        loop.stop()

    loop.call_soon(busy)
    expect(KeyboardInterrupt, loop.run_forever)
    assert not seen


@probe()
def interrupt_in_task(new_loop):
    """Ctrl-C within a task's step is raised in the task and leaves `run_until_complete`"""
    loop = new_loop()
    seen = []

    async def main():
        try:
            kill(signal.SIGINT)
            for _ in range(1000):
                pass
        except KeyboardInterrupt:
            seen.append("in the task")
            raise

    expect(KeyboardInterrupt, loop.run_until_complete, main())
    assert seen == ["in the task"], "it is raised elsewhere"


@probe(since=(3, 11), issue="uvloop#335")
def interrupt_in_runner(new_loop):
    """Ctrl-C in `asyncio.Runner` cancels the main task, whose `finally` may await, then raises KeyboardInterrupt"""
    seen = []

    async def main():
        asyncio.get_running_loop().call_soon(kill, signal.SIGINT)
        try:
            await asyncio.sleep(5)
            seen.append("not cancelled")
        finally:
            await asyncio.sleep(0.001)
            seen.append("cleaned up")

    with asyncio.Runner(loop_factory=new_loop) as runner:
        expect(KeyboardInterrupt, runner.run, main())
    assert seen == ["cleaned up"], f"seen: {seen}"


@probe(since=(3, 11))
def interrupt_in_runner_while_sleeping(new_loop):
    """So does Ctrl-C while the loop of the `Runner` sleeps"""
    seen = []

    async def main():
        threading.Timer(0.02, kill, (signal.SIGINT,)).start()
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    with asyncio.Runner(loop_factory=new_loop) as runner:
        expect(KeyboardInterrupt, runner.run, main())
    assert seen == ["cancelled"], f"seen: {seen}"


@probe()
async def refused_signals(loop):
    """SIGKILL, a number out of range, and a coroutine as the callback are refused with asyncio's errors"""
    expect(RuntimeError, loop.add_signal_handler, signal.SIGKILL, int)
    expect(ValueError, loop.add_signal_handler, 10_000, int)
    expect(TypeError, loop.add_signal_handler, "SIGUSR1", int)

    async def coroutine():
        pass

    expect(TypeError, loop.add_signal_handler, signal.SIGUSR1, coroutine)


@probe()
def signals_only_in_main_thread(new_loop):
    """`add_signal_handler` in another thread raises ValueError or RuntimeError"""
    seen = []

    def run():
        loop = new_loop()
        try:
            loop.add_signal_handler(signal.SIGUSR1, int)
        except (ValueError, RuntimeError) as error:
            seen.append(error)
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen, "it is taken"
