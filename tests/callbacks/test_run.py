"""run_forever, run_until_complete, stop and close: states, errors and their words."""

import asyncio
import gc
import sys
import threading
import warnings

import pytest

from ..support import LOOPS, PY311, PY314, differential, turns


def test_states(new_loop):
    loop = new_loop()
    assert isinstance(loop, asyncio.AbstractEventLoop)
    assert not loop.is_running() and not loop.is_closed()
    seen = []
    loop.call_soon(lambda: seen.append((loop.is_running(), asyncio.get_running_loop() is loop)))
    turns(loop)
    assert seen == [(True, True)]
    assert asyncio._get_running_loop() is None
    loop.close()
    assert loop.is_closed() and not loop.is_running()
    loop.close()


def test_time_is_monotonic_time(loop):
    import time

    before = time.monotonic()
    now = loop.time()
    assert before <= now <= time.monotonic()
    assert isinstance(now, float)


def test_run_until_complete_of_everything_awaitable(loop):
    class Awaitable:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return 3

    async def coro():
        return 1

    assert loop.run_until_complete(coro()) == 1
    future = loop.create_future()
    loop.call_soon(future.set_result, 2)
    assert loop.run_until_complete(future) == 2
    assert loop.run_until_complete(Awaitable()) == 3
    assert loop.run_until_complete(loop.create_task(coro())) == 1
    assert loop.run_until_complete(future) == 2


def test_run_until_complete_raises_what_the_coroutine_raised(loop):
    class Mine(Exception):
        pass

    async def boom():
        raise Mine("boom")

    with pytest.raises(Mine, match="boom"):
        loop.run_until_complete(boom())


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_base_exceptions_come_out_of_run_until_complete(loop, kind, reports):
    async def boom():
        raise kind("boom")

    with pytest.raises(kind, match="boom"):
        loop.run_until_complete(boom())
    assert not loop.is_running()
    turns(loop)


def test_errors_and_their_words():
    def scenario(loop, log):
        async def coro():
            pass

        async def nested():
            inner = coro()
            log.attempt("nested run", loop.run_until_complete, inner)
            inner.close()
            log.attempt("close while running", loop.close)
            # Not run_forever: in some CPythons (3.13.0) its clean-up after the error breaks the running loop.

        loop.run_until_complete(nested())
        for bad in (None, 1, "text", coro, [coro]):
            log.attempt("not awaitable", loop.run_until_complete, bad)

        async def another_loop():
            other = type(loop)()
            try:
                inner = coro()
                log.attempt("another loop", other.run_until_complete, inner)
                inner.close()
            finally:
                other.close()

        loop.run_until_complete(another_loop())

        other = type(loop)()
        future = other.create_future()
        log.attempt("future of another loop", loop.run_until_complete, future)
        other.close()

        stopping = loop.create_future()
        loop.call_soon(loop.stop)
        log.attempt("stopped before it was done", loop.run_until_complete, stopping)

    differential(scenario)


def test_a_closed_loop_says_so():
    def scenario(loop, log):
        async def coro():
            pass

        loop.close()
        log.attempt("call_soon", loop.call_soon, print)
        log.attempt("call_later", loop.call_later, 1, print)
        log.attempt("call_at", loop.call_at, 1, print)
        log.attempt("call_soon_threadsafe", loop.call_soon_threadsafe, print)
        log.attempt("run_forever", loop.run_forever)
        inner = coro()
        log.attempt("run_until_complete", loop.run_until_complete, inner)
        log.attempt("create_task", loop.create_task, inner)
        inner.close()
        log.attempt("run_in_executor", loop.run_in_executor, None, print)
        log.attempt("stop", loop.stop)
        log.attempt("is_running", loop.is_running)
        log.attempt("get_debug", loop.get_debug)
        log.attempt("create_future", loop.create_future)
        log.attempt("add_signal_handler", loop.add_signal_handler, 10, print)
        log.attempt("remove_reader", loop.remove_reader, 0)
        log.attempt("add_reader", loop.add_reader, 0, print)
        log.attempt("repr", repr, loop)
        log.attempt("again", loop.close)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        differential(scenario)


def test_close_drops_what_was_queued(new_loop):
    loop = new_loop()
    ran = []
    loop.call_soon(ran.append, 1)
    loop.call_later(0, ran.append, 2)
    loop.call_soon_threadsafe(ran.append, 3)
    loop.close()
    assert ran == []


def test_close_from_a_destructor_run_by_close(new_loop):
    """What close() drops may itself close the loop, cancel, and schedule."""
    loop = new_loop()
    seen = []

    class Evil:
        def __call__(self):
            pass

        def __del__(self):
            loop.close()
            timer.cancel()
            try:
                loop.call_soon(print)
            except RuntimeError as error:
                seen.append(str(error))

    timer = loop.call_later(100, print)
    loop.call_soon(Evil())
    loop.call_later(5, Evil())
    loop.close()
    gc.collect()
    assert loop.is_closed()
    assert seen == ["Event loop is closed"] * 2


def test_a_loop_that_was_never_closed_warns(new_loop, loop_name):
    from ..support import new_event_loop

    loop = new_event_loop(loop_name)
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        del loop
        gc.collect()


def test_repr():
    def scenario(loop, log):
        log(repr(loop))
        loop.set_debug(True)
        log(repr(loop))
        loop.call_soon(lambda: log(repr(loop)))
        turns(loop)
        loop.close()
        log(repr(loop))

    differential(scenario)


def test_run_forever_restores_asyncgen_hooks_and_running_loop(loop):
    before = sys.get_asyncgen_hooks()
    inside = []
    loop.call_soon(lambda: inside.append(sys.get_asyncgen_hooks()))
    turns(loop)
    assert sys.get_asyncgen_hooks() == before
    assert inside[0].firstiter is not None and inside[0].finalizer is not None


def test_running_loops_in_two_threads(new_loop):
    loops = [new_loop(), new_loop()]
    seen = []

    def work(mine):
        async def main():
            await asyncio.sleep(0.001)
            seen.append(asyncio.get_running_loop() is mine)

        mine.run_until_complete(main())

    threads = [threading.Thread(target=work, args=(mine,)) for mine in loops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True, True]


def test_running_in_two_threads_at_once_is_an_error(loop):
    started = threading.Event()
    loop.call_soon(started.set)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    started.wait()
    try:
        # Not run_forever: in some CPythons (3.13.0) its clean-up after the error breaks the running loop.
        with pytest.raises(RuntimeError, match="This event loop is already running"):
            loop.run_until_complete(asyncio.Future(loop=loop))
        with pytest.raises(RuntimeError, match="Cannot close a running event loop"):
            loop.close()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def test_wrong_types_give_asyncios_errors():
    def scenario(loop, log):
        async def coro():
            pass

        async def generator():
            yield

        made = coro()
        for bad in (None, 1, "text", made, coro, generator):
            for method, before in (
                (loop.call_soon, ()),
                (loop.call_soon_threadsafe, ()),
                (loop.call_later, (1,)),
                (loop.call_at, (1,)),
            ):
                handle = log.attempt("bad callback", method, *before, bad)
                if handle is not None:
                    handle.cancel()
        made.close()
        for bad in (None, "text", [], object()):
            handle = log.attempt("call_later", lambda bad=bad: loop.call_later(bad, print))
            if handle is not None:
                handle.cancel()
        log.attempt("call_at None", loop.call_at, None, print)
        log.attempt("call_later nan", lambda: loop.call_later(float("nan"), print).cancel())
        log.attempt("call_at int", lambda: loop.call_at(5, print).when())
        log.attempt("bool", lambda: loop.call_at(True, print).when())
        for bad in (None, 1, "text", print, coro, generator()):
            log.attempt("create_task", loop.create_task, bad)
        for bad in (1, "text", object()):
            log.attempt("set_exception_handler", loop.set_exception_handler, bad)
            log.attempt("set_task_factory", loop.set_task_factory, bad)
            if PY311:  # before, a deprecation
                log.attempt("set_default_executor", loop.set_default_executor, bad)

    # asyncio checks callbacks in debug mode only; without it a bad one is reported when it is called.
    differential(scenario, debug=True)


def test_wrong_types_without_debug():
    def scenario(loop, log):
        for bad in (None, 1, "text"):
            log.attempt("call_soon", loop.call_soon, bad)
            log.attempt("call_later", loop.call_later, 0, bad)
            log.attempt("call_soon_threadsafe", loop.call_soon_threadsafe, bad)
        turns(loop, 2)

    differential(scenario)


def test_wrong_argument_counts_are_type_errors(loop):
    for call in (
        lambda: loop.call_soon(),
        lambda: loop.call_later(),
        lambda: loop.call_later(1),
        lambda: loop.call_at(),
        lambda: loop.call_at(1),
        lambda: loop.call_soon(print, nonsense=1),
        lambda: loop.call_later(1, print, nonsense=1),
        lambda: loop.call_soon(print, context=1),
        lambda: loop.time(1),
        lambda: loop.create_future(1),
        lambda: loop.create_task(),
        lambda: loop.run_forever(1),
        lambda: loop.stop(1),
        lambda: loop.close(1),
        lambda: loop.is_running(1),
        lambda: loop.set_debug(),
        lambda: loop.run_until_complete(),
        lambda: loop.call_exception_handler(),
    ):
        try:
            handle = call()
        except TypeError:
            continue
        # asyncio takes any object as a context and fails when it uses it.
        assert isinstance(handle, asyncio.Handle)
        handle.cancel()


def test_coroutine_given_by_keyword(loop):
    async def one():
        return 1

    task = loop.create_task(name="named", coro=one())
    assert loop.run_until_complete(task) == 1
    assert task.get_name() == "named"
    coro = one()
    with pytest.raises(TypeError, match=r"create_task\(\) got multiple values for argument 'coro'"):
        loop.create_task(coro, coro=coro)
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'coro'"):
        loop.create_task(name="named")
    coro.close()


def test_callbacks_given_by_keyword(loop):
    ran = []
    loop.call_soon(callback=lambda: ran.append("soon"))
    loop.call_later(delay=0, callback=lambda: ran.append("later"))
    loop.call_at(when=0, callback=lambda: ran.append("at"))
    loop.call_soon_threadsafe(callback=lambda: ran.append("threadsafe"))
    turns(loop)
    assert sorted(ran) == ["at", "later", "soon", "threadsafe"]


def test_set_debug(loop):
    assert loop.get_debug() is False
    loop.set_debug(True)
    assert loop.get_debug() is True
    loop.set_debug(False)
    assert loop.get_debug() is False


def test_the_environment_switches_debug_on(loop_name):
    from ..support import run_script

    source = """
        from loop_under_test import new_event_loop
        loop = new_event_loop()
        print(loop.get_debug())
        loop.close()
    """
    assert run_script(loop_name, source).stdout == "False\n"
    assert run_script(loop_name, source, env={"PYTHONASYNCIODEBUG": "1"}).stdout == "True\n"
    assert run_script(loop_name, source, python=("-X", "dev")).stdout == "True\n"


def test_current_loop_lookup(loop):
    asyncio.set_event_loop(loop)
    assert asyncio.get_event_loop_policy().get_event_loop() is loop if not PY314 else True

    async def main():
        return asyncio.get_event_loop() is loop and asyncio.get_running_loop() is loop

    assert loop.run_until_complete(main())


@pytest.mark.skipif("riata" not in LOOPS, reason="riata's native base class")
def test_a_native_base_that_nobody_initialised_is_no_crash():
    """`riata._riata.Loop` is not public; whoever makes one by hand gets exceptions, and keeps the interpreter."""
    from riata import _riata

    async def nothing():
        pass

    bare = _riata.Loop()
    ran = []
    bare.call_soon(ran.append, 1)
    bare.call_later(0, ran.append, 2)
    future = bare.create_future()
    future.add_done_callback(lambda future: bare.stop())
    coro = nothing()
    for use in (
        lambda: bare.create_task(coro),
        lambda: bare.add_reader(0, print),
        lambda: bare.call_soon(lambda: 1 / 0),
        lambda: bare.call_soon(future.set_result, None),
        lambda: bare._run(),
        lambda: bare._run(),
        lambda: repr(bare),
        lambda: bare._close(),
    ):
        try:
            use()
        except Exception:
            pass
    coro.close()
    assert ran[:1] == [1]


def test_a_stop_is_taken_back():
    """By asyncio's own name for it, as Sanic does."""

    def scenario(loop, log):
        def go_on():
            loop._stopping = False
            log("goes on")
            loop.call_later(0.001, end)

        def end():
            log("ends")
            loop.stop()

        loop.call_soon(loop.stop)
        loop.call_soon(go_on)
        loop.run_forever()
        log(loop._stopping)

    differential(scenario)


def test_asyncios_names_can_be_set(loop):
    def factory(loop, coro, **options):
        return asyncio.Task(coro, loop=loop, **options)

    loop._debug = True
    assert loop.get_debug()
    loop._debug = False
    assert not loop.get_debug()
    loop._task_factory = factory
    assert loop.get_task_factory() is factory
    loop._task_factory = None
    assert loop.get_task_factory() is None
