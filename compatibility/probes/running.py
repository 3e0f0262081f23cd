"""Running, stopping and closing the loop."""

import asyncio
import os
import threading

from registry import probe
from support import expect, turns


async def nothing():
    return 1


@probe()
def repr_of_loop(new_loop):
    """`repr` of the loop says whether it is running, closed and in debug mode"""
    loop = new_loop()
    for part in ("running=False", "closed=False", "debug=False"):
        assert part in repr(loop), f"no {part}"
    loop.close()
    assert "closed=True" in repr(loop), "no closed=True"


@probe(since=(3, 11))
def runner(new_loop):
    """`asyncio.Runner(loop_factory=...)` runs, keeps the context, and closes the loop"""
    import contextvars

    variable = contextvars.ContextVar("variable", default=0)

    async def step():
        variable.set(variable.get() + 1)
        return variable.get()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(step()) == 1
        assert runner.run(step()) == 2
        loop = runner.get_loop()
    assert loop.is_closed()


@probe(since=(3, 12))
def run_with_factory(new_loop):
    """`asyncio.run(..., loop_factory=..., debug=True)` cancels what is left and sets debug mode"""
    seen = []

    async def left():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main():
        seen.append(asyncio.get_running_loop().get_debug())
        task = asyncio.create_task(left())
        await asyncio.sleep(0)
        return task

    asyncio.run(main(), loop_factory=new_loop, debug=True)
    assert seen == [True, "cancelled"], f"seen: {seen}"


@probe()
def debug_from_environment(new_loop):
    """`PYTHONASYNCIODEBUG=1` turns debug mode on in a new loop"""
    import subprocess
    import sys

    module, name = new_loop.__module__, new_loop.__qualname__
    source = f"import sys; sys.path[:0] = {sys.path!r}; import {module}; print({module}.{name}().get_debug())"
    done = subprocess.run(
        [sys.executable, "-c", source],
        env={**os.environ, "PYTHONASYNCIODEBUG": "1"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "True", (
        f"get_debug() is {done.stdout.strip() or done.stderr[-80:]}"
    )


@probe()
def subclass(new_loop):
    """The loop's class can be subclassed, with an `__init__`, attributes and overridden methods"""
    kind = type(new_loop())
    called = []

    class Mine(kind):
        def __init__(self, mine):
            super().__init__()
            self.mine = mine

        def call_soon(self, *args, **options):
            called.append("call_soon")
            return super().call_soon(*args, **options)

        def create_task(self, coro, **options):
            called.append("create_task")
            return super().create_task(coro, **options)

    loop = Mine(5)

    async def main():
        return await asyncio.create_task(nothing())

    assert loop.run_until_complete(main()) == 1 and loop.mine == 5
    loop.close()
    assert "create_task" in called, "create_task is not called"
    assert "call_soon" in called, "call_soon is not called"


@probe()
def attributes_on_the_loop(new_loop):
    """Attributes can be set on the loop, and methods replaced for mocks"""
    loop = new_loop()
    loop.mine = 5
    loop.time = lambda: 42.0
    assert loop.mine == 5 and loop.time() == 42.0


@probe()
def weakly_referenced(new_loop):
    """The loop can be weakly referenced and used as a dictionary's key"""
    import weakref

    loop = new_loop()
    assert weakref.ref(loop)() is loop
    table = weakref.WeakKeyDictionary({loop: 1})
    assert table[loop] == 1


@probe()
def stop_before_run(new_loop):
    """`stop()` before `run_forever()` makes it run one turn"""
    loop = new_loop()
    seen = []
    loop.call_soon(lambda: (seen.append(1), loop.call_soon(seen.append, 2)))
    loop.stop()
    loop.run_forever()
    assert seen == [1], f"it ran {seen}"
    turns(loop)
    assert seen == [1, 2]


@probe()
def nested_run_refused(new_loop):
    """Running a loop in a running loop raises RuntimeError, the same one or another"""
    loop, other = new_loop(), new_loop()

    async def main():
        for one in (loop, other):
            coro = nothing()
            expect(RuntimeError, one.run_until_complete, coro)
            coro.close()
        return 1

    assert loop.run_until_complete(main()) == 1


@probe()
def stopped_before_done(new_loop):
    """`run_until_complete` of a loop that is stopped first raises RuntimeError"""
    loop = new_loop()
    future = loop.create_future()
    loop.call_soon(loop.stop)
    error = expect(RuntimeError, loop.run_until_complete, future)
    assert "Event loop stopped before Future completed" in str(error), f"it says {error}"


@probe()
def close_while_running(new_loop):
    """`close()` of a running loop raises RuntimeError"""
    loop = new_loop()

    async def main():
        expect(RuntimeError, loop.close)

    loop.run_until_complete(main())
    loop.close()
    loop.close()


@probe()
def close_with_pending(new_loop):
    """`close()` while callbacks, timers, readers, servers and transports are pending"""
    import socket

    loop = new_loop()
    a, b = socket.socketpair()
    a.setblocking(False)
    loop.call_soon(print)
    loop.call_later(60, print)
    loop.add_reader(b.fileno(), print)

    async def main():
        await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        await loop.create_connection(asyncio.Protocol, sock=a)

    loop.run_until_complete(main())
    loop.close()
    assert loop.is_closed()
    b.close()


@probe()
def closed_loop_refuses(new_loop):
    """A closed loop refuses callbacks, tasks, readers and runs with RuntimeError"""
    import socket

    loop = new_loop()
    loop.close()
    a, b = socket.socketpair()
    with a, b:
        expect(RuntimeError, loop.call_soon, print)
        expect(RuntimeError, loop.call_later, 1, print)
        expect(RuntimeError, loop.run_forever)
        expect(RuntimeError, loop.add_reader, a, print)
        coro = nothing()
        expect(RuntimeError, loop.create_task, coro)
        coro.close()


@probe()
def unclosed_loop_warns(new_loop):
    """A loop that is dropped without `close()` warns with ResourceWarning"""
    import gc
    import warnings

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop = new_loop()
        del loop
        gc.collect()
    assert any(w.category is ResourceWarning and "loop" in str(w.message) for w in caught), (
        "it does not warn"
    )


@probe()
def system_exit_leaves(new_loop):
    """SystemExit and KeyboardInterrupt raised by a callback leave `run_forever`, and the loop goes on after"""
    loop = new_loop()
    for error in (SystemExit, KeyboardInterrupt):

        def throw(error=error):
            raise error

        loop.call_soon(throw)
        loop.call_later(0.05, loop.stop)
        expect(error, loop.run_forever)
    assert loop.run_until_complete(nothing()) == 1


@probe()
def base_exception_in_task(new_loop):
    """SystemExit raised by a task leaves `run_until_complete`"""
    loop = new_loop()

    async def leave():
        raise SystemExit(3)

    error = expect(SystemExit, loop.run_until_complete, leave())
    assert error.code == 3


@probe()
def in_threads(new_loop):
    """Loops run in other threads, each with a subprocess and a server of its own"""
    failed = []

    async def main(loop):
        process = await asyncio.create_subprocess_exec("true")
        assert await process.wait() == 0
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        server.close()

    def run():
        loop = new_loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(main(loop))
        except BaseException as error:
            failed.append(error)
        finally:
            loop.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


@probe()
def moves_between_threads(new_loop):
    """A loop may run in one thread and then in another"""
    loop = new_loop()
    assert loop.run_until_complete(nothing()) == 1
    seen = []
    thread = threading.Thread(target=lambda: seen.append(loop.run_until_complete(nothing())))
    thread.start()
    thread.join()
    assert seen == [1]
    assert loop.run_until_complete(nothing()) == 1
