"""Callbacks and handles."""

import asyncio
import contextvars
import inspect
import threading
import time

from registry import probe
from support import expect, logged, turns


@probe()
def order_of_callbacks(new_loop):
    """Callbacks run in the order they were given, those given by a callback in the next turn"""
    loop = new_loop()
    seen = []
    loop.call_soon(lambda: (seen.append(1), loop.call_soon(seen.append, 3)))
    loop.call_soon(seen.append, 2)
    turns(loop, 2)
    assert seen == [1, 2, 3], f"the order was {seen}"


@probe()
async def handles_are_asyncios(loop):
    """`call_soon` and `call_later` give handles that pass `isinstance` of `asyncio.Handle` and `TimerHandle`"""
    handle, timer = loop.call_soon(print), loop.call_later(60, print)
    handle.cancel()
    timer.cancel()
    assert isinstance(handle, asyncio.Handle), "no asyncio.Handle"
    assert isinstance(timer, asyncio.TimerHandle), "no asyncio.TimerHandle"


@probe()
async def repr_of_handles(loop):
    """`repr` of a handle names the callback, and says when it is cancelled"""

    def named():
        pass

    handle = loop.call_soon(named)
    assert "named" in repr(handle), f"it is {repr(handle).split(' at ')[0]}"
    handle.cancel()
    assert handle.cancelled() and "cancelled" in repr(handle), "it does not say cancelled"


@probe()
async def cancelled_handle_lets_go(loop):
    """A cancelled handle lets go of its callback's arguments at once"""
    import gc
    import weakref

    class Thing:
        pass

    thing = Thing()
    gone = weakref.ref(thing)
    handle = loop.call_later(60, print, thing)
    handle.cancel()
    del thing
    gc.collect()
    assert gone() is None, "the argument is kept"


@probe()
async def handle_get_context(loop):
    """`Handle.get_context()` gives the context that the callback runs in"""
    context = contextvars.copy_context()
    handle = loop.call_soon(print, context=context)
    handle.cancel()
    if hasattr(asyncio.Handle, "get_context"):
        assert handle.get_context() is context, "another context"


@probe()
async def context_of_callbacks(loop):
    """Callbacks, timers and callbacks from threads run in the caller's context or the one given"""
    variable = contextvars.ContextVar("variable", default="none")
    variable.set("caller")
    other = contextvars.copy_context()
    other.run(variable.set, "given")
    seen = []
    for put in (
        loop.call_soon,
        loop.call_soon_threadsafe,
        lambda *args, **options: loop.call_later(0, *args, **options),
        lambda *args, **options: loop.call_at(loop.time(), *args, **options),
    ):
        put(lambda: seen.append(variable.get()))
        put(lambda: seen.append(variable.get()), context=other)
        await asyncio.sleep(0.005)
    assert seen == ["caller", "given"] * 4, f"they saw {seen}"


@probe()
async def context_of_reader(loop):
    """The callback of `add_reader` runs in the context of the caller"""
    import socket

    variable = contextvars.ContextVar("variable", default="none")
    variable.set("caller")
    a, b = socket.socketpair()
    seen = loop.create_future()
    with a, b:
        loop.add_reader(a.fileno(), lambda: seen.done() or seen.set_result(variable.get()))
        b.send(b"x")
        assert await seen == "caller", "another context"
        loop.remove_reader(a.fileno())


@probe()
def debug_refuses_coroutines(new_loop):
    """In debug mode `call_soon`, `call_later` and `call_at` refuse a coroutine"""
    loop = new_loop()
    loop.set_debug(True)

    async def coroutine():
        pass

    waiting = coroutine()
    try:
        for call in (
            lambda what: loop.call_soon(what),
            lambda what: loop.call_soon_threadsafe(what),
            lambda what: loop.call_later(1, what),
            lambda what: loop.call_at(1, what),
        ):
            expect(TypeError, call, waiting)
            expect(TypeError, call, coroutine)
    finally:
        waiting.close()


@probe()
def debug_refuses_non_callables(new_loop):
    """In debug mode `call_soon` and `call_later` refuse what cannot be called"""
    loop = new_loop()
    loop.set_debug(True)
    expect(TypeError, loop.call_soon, 42)
    expect(TypeError, loop.call_later, 1, "text")


@probe()
def debug_refuses_other_threads(new_loop):
    """In debug mode `call_soon` from another thread raises RuntimeError"""
    loop = new_loop()
    loop.set_debug(True)
    raised = []

    def elsewhere():
        for call in (loop.call_soon, lambda callback: loop.call_later(1, callback)):
            try:
                call(int)
            except RuntimeError as error:
                raised.append(error)

    def start():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    loop.call_soon(start)
    turns(loop)
    assert len(raised) == 2, f"{len(raised)} of 2 were refused"


@probe()
def slow_callbacks_reported(new_loop):
    """In debug mode a callback that takes longer than `loop.slow_callback_duration` is logged"""
    loop = new_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.001

    def slow():
        time.sleep(0.01)

    with logged() as messages:
        loop.call_soon(slow)
        turns(loop)
    found = [m for m in messages if "took" in m and "slow" in m]
    assert found, "nothing is logged"


@probe()
def slow_callback_duration_default(new_loop):
    """`loop.slow_callback_duration` is 0.1 and can be set"""
    loop = new_loop()
    assert loop.slow_callback_duration == 0.1
    loop.slow_callback_duration = 0.5
    assert loop.slow_callback_duration == 0.5


@probe()
def debug_handles_know_where_made(new_loop):
    """In debug mode `repr` of a handle says where it was made"""
    loop = new_loop()
    loop.set_debug(True)
    handle = loop.call_soon(print)
    handle.cancel()
    handle = loop.call_soon(int)
    assert "created at" in repr(handle), "it does not say"


@probe()
async def threadsafe_wakes(loop):
    """`call_soon_threadsafe` from threads wakes a loop that sleeps"""
    done = loop.create_future()
    count = []

    def work():
        for _ in range(100):
            loop.call_soon_threadsafe(count.append, 1)
        loop.call_soon_threadsafe(
            lambda: done.done() or done.set_result(None) if len(count) >= 400 else None
        )

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    await done
    for thread in threads:
        thread.join()
    assert len(count) == 400, f"{len(count)} of 400 came"


@probe()
def threadsafe_after_close(new_loop):
    """`call_soon_threadsafe` on a closed loop raises RuntimeError"""
    loop = new_loop()
    loop.close()
    expect(RuntimeError, loop.call_soon_threadsafe, int)


@probe()
def signatures(new_loop):
    """The loop has each method of `asyncio.AbstractEventLoop`, and takes each of its arguments"""
    loop = new_loop()
    missing = []
    for name, reference in vars(asyncio.AbstractEventLoop).items():
        if name.startswith("_") or not callable(reference):
            continue
        method = getattr(loop, name, None)
        actual = getattr(asyncio.SelectorEventLoop, name)
        inherited = getattr(type(loop), name, None)
        if method is None or inherited is reference:
            if actual is not reference:
                missing.append(name)
            continue
        try:
            taken = inspect.signature(method).parameters
        except (TypeError, ValueError):
            continue
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values()):
            continue
        missing += [
            f"{name}({p.name})"
            for p in inspect.signature(actual).parameters.values()
            if p.kind is inspect.Parameter.KEYWORD_ONLY and p.name not in taken
        ]
    assert not missing, f"missing: {', '.join(missing)}"
