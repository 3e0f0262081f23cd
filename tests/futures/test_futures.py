"""Futures: what asyncio promises of them, for every mixture of loops and future classes."""

import asyncio
import collections.abc
import contextvars
import gc
import pickle
import weakref

import pytest

from ..support import PY311, differential, turns


def test_states(world, wloop):
    future = world.future(wloop)
    assert asyncio.isfuture(future)
    if world.tasks != "python":
        assert isinstance(future, asyncio.Future)
        assert not isinstance(future, asyncio.Task)
    assert not future.done() and not future.cancelled()
    assert future.get_loop() is wloop
    future.set_result("r")
    assert future.done() and not future.cancelled()
    assert future.result() == "r" and future.exception() is None

    failed = world.future(wloop)
    error = ValueError("boom")
    failed.set_exception(error)
    assert failed.exception() is error
    with pytest.raises(ValueError, match="boom"):
        failed.result()

    cancelled = world.future(wloop)
    assert cancelled.cancel() is True
    assert cancelled.cancel() is False
    assert cancelled.done() and cancelled.cancelled()
    with pytest.raises(asyncio.CancelledError):
        cancelled.result()
    with pytest.raises(asyncio.CancelledError):
        cancelled.exception()


def test_errors(world, wloop):
    future = world.future(wloop)
    with pytest.raises(asyncio.InvalidStateError):
        future.result()
    with pytest.raises(asyncio.InvalidStateError):
        future.exception()
    future.set_result(1)
    for again in (
        lambda: future.set_result(2),
        lambda: future.set_exception(ValueError()),
    ):
        with pytest.raises(asyncio.InvalidStateError):
            again()
    assert future.cancel() is False


def test_error_messages():
    def scenario(loop, log):
        future = loop.create_future()
        log.attempt("result", future.result)
        log.attempt("exception", future.exception)
        log.attempt("set_exception int", future.set_exception, 5)
        log.attempt("set_exception str", future.set_exception, "text")
        log.attempt("set_exception class", future.set_exception, object)
        log.attempt("set_exception StopIteration", future.set_exception, StopIteration)
        if not future.done():
            log.attempt("set_exception StopIteration()", future.set_exception, StopIteration(5))
        log("state", future._state)
        if future.done():
            log(future.exception())
        log(repr(future))
        future = loop.create_future()
        future.set_result(1)
        log.attempt("set_result", future.set_result, 2)
        log.attempt("set_exception", future.set_exception, ValueError())
        future = loop.create_future()
        future.set_exception(ValueError)
        log.attempt("a class is instantiated", future.exception)
        log.attempt("add None", future.add_done_callback, None)
        log.attempt("remove None", future.remove_done_callback, None)
        turns(loop)
        future = loop.create_future()
        future.cancel("why")
        log.attempt("cancelled", future.result)
        log.attempt("cancelled", future.exception)
        log.attempt("again", future.cancel)
        log.attempt("set", future.set_result, 1)

    differential(scenario)


def test_stop_iteration_is_refused(world, wloop):
    future = world.future(wloop)
    try:
        future.set_exception(StopIteration)
    except TypeError as error:
        assert "StopIteration interacts badly with generators" in str(error)
    else:
        # Since CPython 3.12 it is wrapped.
        assert isinstance(future.exception(), RuntimeError)
        assert isinstance(future.exception().__cause__, StopIteration)


def test_await_and_iter(world, wloop):
    future = world.future(wloop)

    async def main():
        return await future

    wloop.call_soon(future.set_result, 5)
    assert wloop.run_until_complete(main()) == 5
    iterator = iter(world.future(wloop))
    pending = next(iterator)
    assert asyncio.isfuture(pending) and pending._asyncio_future_blocking
    with pytest.raises(RuntimeError, match="await wasn't used with future"):
        next(iterator)
    done = iter(future)
    with pytest.raises(StopIteration) as stop:
        next(done)
    assert stop.value.value == 5


def test_iterator_send_throw_close(world, wloop):
    future = world.future(wloop)
    iterator = future.__await__()
    assert iterator.send(None) is future
    with pytest.raises(ZeroDivisionError):
        iterator.throw(ZeroDivisionError)
    iterator = world.future(wloop).__await__()
    next(iterator)
    iterator.close()
    other = world.future(wloop)
    iterator = other.__await__()
    next(iterator)
    other.set_result(3)
    with pytest.raises(StopIteration) as stop:
        iterator.send(None)
    assert stop.value.value == 3
    iterator = world.future(wloop).__await__()
    for bad in (5, "text", None):
        with pytest.raises(TypeError):
            iterator.throw(bad)
            iterator = world.future(wloop).__await__()


def test_two_awaits_of_one_future_step_apart(world, wloop):
    seen = []

    async def waiter(name):
        seen.append((name, await future))

    future = world.future(wloop)
    tasks = [wloop.create_task(waiter(i)) for i in range(5)]
    turns(wloop)
    future.set_result("x")
    wloop.run_until_complete(asyncio.gather(*tasks))
    assert seen == [(i, "x") for i in range(5)]


def test_callbacks_run_in_order_in_the_next_turn(world, wloop):
    future = world.future(wloop)
    seen = []
    for i in range(4):
        future.add_done_callback(lambda f, i=i: seen.append((i, f is future)))
    future.set_result(None)
    assert seen == []
    turns(wloop)
    assert seen == [(i, True) for i in range(4)]


def test_remove_done_callback(world, wloop):
    future = world.future(wloop)
    seen = []

    def one(f):
        seen.append(1)

    def two(f):
        seen.append(2)

    for callback in (one, two, one, two, one):
        future.add_done_callback(callback)
    assert future.remove_done_callback(one) == 3
    assert future.remove_done_callback(one) == 0
    assert future.remove_done_callback(print) == 0
    future.set_result(None)
    turns(wloop)
    assert seen == [2, 2]


def test_callback_contexts(world, wloop):
    var = contextvars.ContextVar("var", default="none")
    seen = []
    future = world.future(wloop)
    var.set("a")
    future.add_done_callback(lambda f: seen.append(var.get()))
    context = contextvars.copy_context()
    context.run(var.set, "b")
    future.add_done_callback(lambda f: seen.append(var.get()), context=context)
    var.set("c")
    future.set_result(None)
    turns(wloop)
    assert seen == ["a", "b"]


def test_results_in_cycles_are_collected(world, wloop):
    class Thing:
        pass

    alive = []
    for _ in range(20):
        future = world.future(wloop)
        thing = Thing()
        thing.future = future
        future.set_result(thing)
        alive.append(weakref.ref(thing))
        waiting = world.future(wloop)
        other = Thing()
        other.future = waiting
        waiting.add_done_callback(lambda f, other=other: None)
        alive.append(weakref.ref(other))
    del future, thing, waiting, other
    gc.collect()
    assert [one for one in alive if one() is not None] == []


def test_cancel_message(world, wloop):
    async def main():
        future = world.future(wloop)
        future.cancel("why")
        try:
            await future
        except asyncio.CancelledError as error:
            return error.args

    assert wloop.run_until_complete(main()) == ("why",)
    future = world.future(wloop)
    future.cancel(msg=("any", "object"))
    with pytest.raises(asyncio.CancelledError) as caught:
        future.result()
    assert caught.value.args == (("any", "object"),)


@pytest.mark.skipif(not PY311, reason="the cause is kept since CPython 3.11")
def test_result_raises_the_same_exception_each_time(world, wloop):
    future = world.future(wloop)
    error = ValueError("boom")
    future.set_exception(error)
    depths = []
    for _ in range(3):
        try:
            future.result()
        except ValueError as caught:
            assert caught is error
            tb, depth = caught.__traceback__, 0
            while tb is not None:
                depth, tb = depth + 1, tb.tb_next
            depths.append(depth)
    assert depths[0] == depths[1] == depths[2]


def test_awaiting_a_failed_future_twice(world, wloop):
    async def main():
        future = world.future(wloop)
        future.set_exception(KeyError("k"))
        for _ in range(2):
            with pytest.raises(KeyError):
                await future

    wloop.run_until_complete(main())


def test_private_attributes(world, wloop):
    future = world.future(wloop)
    assert future._state == "PENDING"
    assert future._loop is wloop
    assert future._asyncio_future_blocking is False
    future._asyncio_future_blocking = True
    future._asyncio_future_blocking = False
    assert future._callbacks in (None, [], ())
    future.add_done_callback(print)
    ((callback, context),) = future._callbacks
    assert callback is print and isinstance(context, contextvars.Context)
    assert future.remove_done_callback(print) == 1
    assert future._cancel_message is None
    future._cancel_message = "later"
    assert future._cancel_message == "later"
    future.cancel("now")
    assert future._state == "CANCELLED"


def test_wrong_arguments(world, wloop):
    cls = type(world.future(wloop))
    for call in (
        lambda: cls(1),
        lambda: cls(nonsense=1),
        lambda: cls(loop=wloop).set_result(),
        lambda: cls(loop=wloop).set_exception(),
        lambda: cls(loop=wloop).add_done_callback(),
        lambda: cls(loop=wloop).result(1),
        lambda: cls(loop=wloop).cancel(nonsense=1),
    ):
        with pytest.raises(TypeError):
            call()


def test_without_a_loop(world):
    cls = world.future_class
    asyncio.set_event_loop(None)
    with pytest.raises(RuntimeError, match="no current event loop|no running event loop"):
        cls()


def test_inside_a_running_loop_the_argument_may_be_left_out(world, wloop):
    async def main():
        future = world.future_class()
        assert future.get_loop() is wloop
        return future

    wloop.run_until_complete(main())


def test_uninitialised(world, wloop):
    """gh-91970 and its kin: objects made by __new__ alone must not crash."""
    cls = world.future_class
    future = cls.__new__(cls)
    for use in (
        lambda: future.result(),
        lambda: future.exception(),
        lambda: future.set_result(0),
        lambda: future.set_exception(Exception),
        lambda: future.cancel(),
        lambda: future.add_done_callback(lambda f: None),
        lambda: future.get_loop(),
        lambda: iter(future).__next__(),
        lambda: repr(future),
    ):
        try:
            use()
        except Exception:
            pass
    if world.tasks != "python":
        with pytest.raises(
            (RuntimeError, asyncio.InvalidStateError), match="Future object is not initialized."
        ):
            future.result()
    else:
        future._loop = wloop


def test_not_picklable(world, wloop):
    future = world.future(wloop)
    with pytest.raises((TypeError, pickle.PicklingError)):
        pickle.dumps(future)


def test_generic_alias(world, wloop):
    cls = type(world.future(wloop))
    assert cls[int].__origin__ is cls


def test_weakrefs(world, wloop):
    future = world.future(wloop)
    alive = weakref.ref(future)
    assert alive() is future
    del future
    assert alive() is None


def test_schedule_callbacks_from_a_thread(world, wloop):
    import threading

    future = world.future(wloop)
    thread = threading.Thread(target=wloop.call_soon_threadsafe, args=(future.set_result, 5))
    thread.start()
    assert wloop.run_until_complete(future) == 5
    thread.join()


def test_repr():
    def scenario(loop, log):
        def callback(future):
            pass

        future = loop.create_future()
        log(repr(future))
        for _ in range(4):
            future.add_done_callback(callback)
            log(repr(future))
        future.set_result("x" * 500)
        log(repr(future))
        failed = loop.create_future()
        failed.set_exception(ValueError("boom"))
        log(repr(failed))
        failed.exception()
        cancelled = loop.create_future()
        cancelled.cancel()
        log(repr(cancelled))
        if PY311 or not loop.get_debug():  # 3.10 shortens a text that names a line of its own
            recursive = loop.create_future()
            recursive.set_result([recursive])
            log(repr(recursive))
        log(type(cancelled).__name__)
        turns(loop)

    differential(scenario)
    differential(scenario, debug=True)


def test_context_none_is_the_current_one(world, wloop):
    called = []
    future = world.future(wloop)
    future.add_done_callback(called.append, context=None)
    future.set_result(1)
    turns(wloop)
    assert called == [future]


def test_a_closed_loop_refuses_the_callbacks_of_futures():
    def scenario(loop, log):
        waited, done = loop.create_future(), loop.create_future()
        waited.add_done_callback(lambda future: None)
        done.set_result(None)

        async def wait():
            await loop.create_future()

        task = loop.create_task(wait())
        turns(loop)
        loop.close()
        log.attempt("set_result", waited.set_result, 1)
        log.attempt("add_done_callback", done.add_done_callback, lambda future: None)
        log.attempt("cancel", task.cancel)
        task._log_destroy_pending = False

    differential(scenario)


def test_a_future_is_iterable_and_no_iterator(world, wloop):
    """riata's awaits itself, so that nothing is made; it must not pass for an iterator by that."""
    for made in (world.future(wloop), world.task(wloop, asyncio.sleep(0))):
        assert isinstance(made, collections.abc.Iterable)
        assert isinstance(made, collections.abc.Awaitable)
        assert not isinstance(made, collections.abc.Iterator)
        assert not isinstance(made, collections.abc.Generator)
        assert not isinstance(made, collections.abc.Coroutine)
        for name in ("__next__", "send", "throw", "close"):
            assert not hasattr(made, name), name
        iterator = iter(made)
        assert iterator is not made and isinstance(iterator, collections.abc.Iterator)
        iterator.close()
        made.cancel()
    turns(wloop, 3)


def test_a_subclass_is_no_iterator_either(world, wloop):
    base = world.future_class if world.tasks != "own" else type(wloop.create_future())

    class Mine(base):
        pass

    future = Mine(loop=wloop)
    assert not isinstance(future, collections.abc.Iterator)
    with pytest.raises(TypeError, match="not an iterator"):
        next(future)

    async def main():
        return await future

    wloop.call_soon(future.set_result, 5)
    assert wloop.run_until_complete(main()) == 5
