"""Futures: what asyncio promises of them, for every mixture of loops and future classes."""

import asyncio
import collections.abc
import contextvars
import gc
import itertools
import pickle
import weakref

import pytest

from ..support import LOOPS, PY311, PY315, checked_loop, differential, turns


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


def test_a_callback_that_raises_harms_no_other(world, wloop, wreports):
    future = world.future(wloop)
    seen = []

    def boom(f):
        raise ValueError("boom")

    future.add_done_callback(boom)
    future.add_done_callback(seen.append)
    future.set_result(None)
    turns(wloop)
    assert seen == [future]
    assert isinstance(wreports.take_one()["exception"], ValueError)


def test_callbacks_that_add_and_remove_callbacks(world, wloop):
    future = world.future(wloop)
    seen = []

    def second(f):
        seen.append("second")

    def first(f):
        seen.append("first")
        f.remove_done_callback(second)
        f.add_done_callback(lambda f: seen.append("added"))

    future.add_done_callback(first)
    future.add_done_callback(second)
    future.set_result(None)
    turns(wloop)
    # The second was scheduled together with the first; removing it now comes too late.
    assert seen == ["first", "second"]
    turns(wloop)
    assert seen == ["first", "second", "added"]


# Evil objects, after CPython's test_futures


def test_evil_eq_that_empties_the_list(world, wloop):
    future = world.future(wloop)
    future.add_done_callback(lambda f: None)

    class Evil:
        def __eq__(self, other):
            future.remove_done_callback(id)
            return False

        __hash__ = None

    for _ in range(5):
        future.add_done_callback(lambda f: None)
    future.remove_done_callback(Evil())


def test_evil_eq_that_clears_callbacks(world, wloop):
    future = world.future(wloop)

    class Evil:
        def __eq__(self, other):
            if not future.done():
                future.set_result(1)
            return True

        __hash__ = None

    for _ in range(10):
        future.add_done_callback(lambda f: None)
    future.remove_done_callback(Evil())
    assert future.done()
    turns(wloop)


def test_evil_eq_that_adds_callbacks(world, wloop):
    future = world.future(wloop)
    count = 0

    class Evil:
        def __eq__(self, other):
            nonlocal count
            if count < 100:
                count += 1
                future.add_done_callback(lambda f: None)
            return count % 2 == 0

        __hash__ = None

    for _ in range(5):
        future.add_done_callback(lambda f: None)
    future.remove_done_callback(Evil())
    future.cancel()
    turns(wloop)


ACTIONS = {
    "cancel": lambda future, log, others: future.cancel(),
    "set_result": lambda future, log, others: future.done() or future.set_result(None),
    "add": lambda future, log, others: future.add_done_callback(lambda f: log("ran", "added")),
    "cancel-and-add": lambda future, log, others: (
        future.cancel(),
        future.add_done_callback(lambda f: log("ran", "added")),
    ),
    "remove-all": lambda future, log, others: [
        log("nested", future.remove_done_callback(other)) for other in others
    ],
}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_evil_eq_that_acts_in_one_comparison(count, action):
    """The same comparisons, the same count and the same callbacks as asyncio's, whatever happens in which comparison."""

    def scenario(loop, log, when, answers):
        future = loop.create_future()
        others = [lambda f, n=n: log("ran", n) for n in range(count)]
        comparisons = 0

        class Evil:
            def __eq__(self, other):
                nonlocal comparisons
                comparisons += 1
                log("compare", comparisons)
                if comparisons == when + 1:
                    ACTIONS[action](future, log, others)
                return answers[(comparisons - 1) % count]

            __hash__ = None

        for other in others:
            future.add_done_callback(other)
        log("removed", future.remove_done_callback(Evil()))
        log("left", len(future._callbacks or ()))
        future.cancel()
        turns(loop)

    for when in range(count):
        for answers in itertools.product([False, True], repeat=count):
            # What asyncio loses: the one other callback is found equal, and all that were added meanwhile go with it.
            loses = action == "add" and count == 2 and when == 1 and answers[1]
            if not loses:
                differential(scenario, when, answers)


def test_evil_eq_that_adds_next_to_the_only_other(world, wloop):
    future = world.future(wloop)
    seen = []

    class Evil:
        def __eq__(self, other):
            if other is second:
                future.add_done_callback(lambda f: seen.append("added"))
            return other is second

        __hash__ = None

    def second(f):
        seen.append("second")

    future.add_done_callback(lambda f: seen.append("first"))
    future.add_done_callback(second)
    assert future.remove_done_callback(Evil()) == 1
    future.cancel()
    turns(wloop)
    # asyncio's C drops its whole list there, the new callback included.
    assert seen == (["first"] if type(future) is asyncio.Future else ["first", "added"])


def test_evil_eq_that_raises(world, wloop):
    class Evil:
        def __eq__(self, other):
            raise ZeroDivisionError("evil")

        __hash__ = None

        def __call__(self, future):
            pass

    for count in (1, 2, 3):
        future = world.future(wloop)
        for _ in range(count):
            future.add_done_callback(Evil())
        with pytest.raises(ZeroDivisionError, match="evil"):
            future.remove_done_callback(lambda f: None)
        future.cancel()
        turns(wloop)


def test_evil_eq_that_drops_the_last_reference(world, wloop):
    """gh-97592: the comparison frees the callback it is comparing with."""
    future = world.future(wloop)

    class Evil:
        def __eq__(self, other):
            future.remove_done_callback(keep)
            return False

        __hash__ = None

    def keep(f):
        pass

    future.add_done_callback(keep)
    future.add_done_callback(keep)
    for _ in range(3):
        future.add_done_callback(lambda f: None)
    future.remove_done_callback(Evil())


def test_evil_call_soon(world, wloop):
    """A loop whose call_soon adds callbacks while the future schedules the ones it has."""

    class EvilLoop:
        def __init__(self):
            self.calls = 0

        def get_debug(self):
            return False

        def call_soon(self, callback, *args, context=None):
            self.calls += 1
            if self.calls < 5:
                future.add_done_callback(lambda f: None)
                future.remove_done_callback(callback)

        def call_exception_handler(self, context):
            raise AssertionError(context)

        def is_running(self):
            return False

    evil = EvilLoop()
    cls = (
        world.future_class
        if world.tasks != "own" or world.loop == "asyncio"
        else type(wloop.create_future())
    )
    future = cls(loop=evil)
    future.add_done_callback(lambda f: 1)
    future.add_done_callback(lambda f: 2)
    future.set_result(1)
    assert evil.calls >= 2


def test_evil_repr_of_a_result(world, wloop):
    class Evil:
        def __repr__(self):
            raise ZeroDivisionError("evil")

    future = world.future(wloop)
    future.set_result(Evil())
    try:
        text = repr(future)
    except ZeroDivisionError:
        pass
    else:
        assert "Evil" in text


def test_evil_del_of_a_result(world, wloop):
    seen = []

    class Evil:
        def __del__(self):
            wloop.call_soon(seen.append, 1)
            future = world.future(wloop)
            future.set_result(2)

    for _ in range(50):
        future = world.future(wloop)
        future.set_result(Evil())
        del future
    gc.collect()
    turns(wloop)
    assert len(seen) == 50


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


@pytest.mark.skipif("riata" not in LOOPS, reason="riata's own tasks")
@pytest.mark.skipif(PY315, reason="3.15 initialises nothing twice")
def test_initialising_a_task_as_a_future_takes_it_out_of_its_loop():
    import riata

    with checked_loop("riata") as (loop, _), checked_loop("riata") as (other, _):

        async def wait():
            await loop.create_future()

        tasks = [loop.create_task(wait()) for _ in range(3)]
        turns(loop)
        riata.Future.__init__(tasks[1], loop=other)
        assert asyncio.all_tasks(loop) == {tasks[0], tasks[2]}
        for task in tasks:
            task._log_destroy_pending = False
            task.cancel()
        turns(loop)
        turns(other)
        del task, tasks
        gc.collect()


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


@pytest.mark.skipif(PY315, reason="3.15 initialises nothing twice")
def test_a_foreign_loop_that_initialises_the_future_again(world, wloop):
    """From within `get_debug`, on another loop: the inner `__init__` holds, in all that depends on the loop."""
    cls = world.future_class if world.tasks != "own" else type(wloop.create_future())

    class ForeignLoop(asyncio.AbstractEventLoop):
        again = True
        scheduled = 0

        def get_debug(self):
            if self.again:
                self.again = False
                future.__init__(loop=wloop)
            return False

        def call_soon(self, callback, *args, context=None):
            self.scheduled += 1

    foreign = ForeignLoop()
    future = cls.__new__(cls)
    future.__init__(loop=foreign)
    called = []
    assert future.get_loop() is wloop
    future.add_done_callback(called.append)
    future.set_result(1)
    assert foreign.scheduled == 0
    turns(wloop)
    assert called == [future]
    # And a future of this loop that becomes one of the foreign loop's.
    future = cls(loop=wloop)
    future.__init__(loop=foreign)
    future.add_done_callback(called.append)
    future.set_result(2)
    assert future.get_loop() is foreign
    assert foreign.scheduled == 1
    turns(wloop)
    assert len(called) == 1
