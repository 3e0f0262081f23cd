"""Tasks: what asyncio promises of them, for every mixture of loops and task classes."""

import asyncio
import contextvars
import gc
import io
import weakref

import pytest

from ..support import PY311, PY312, PY313, PY315, differential, forever, turns


async def value(result=None):
    return result


def run_cancelled(loop, *tasks):
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


def test_is_a_task_and_a_future(world, wloop):
    task = world.task(wloop, value(1))
    assert asyncio.isfuture(task)
    if world.tasks != "python":
        assert isinstance(task, asyncio.Task)
        assert isinstance(task, asyncio.Future)
        assert issubclass(type(task), asyncio.Task) or type(task).__module__.startswith("riata")
    assert not task.done()
    assert task.get_loop() is wloop
    assert wloop.run_until_complete(task) == 1
    assert task.done() and not task.cancelled()
    assert task.result() == 1 and task.exception() is None


def test_a_task_starts_in_the_next_turn(world, wloop):
    ran = []

    async def coro():
        ran.append("task")

    task = world.task(wloop, coro())
    wloop.call_soon(ran.append, "after")
    assert ran == []
    turns(wloop)
    assert ran == ["task", "after"]
    assert task.done()


def test_result_before_done(world, wloop):
    task = world.task(wloop, value())
    with pytest.raises(asyncio.InvalidStateError, match="Result is not (set|ready)."):
        task.result()
    with pytest.raises(asyncio.InvalidStateError, match="Exception is not set."):
        task.exception()
    wloop.run_until_complete(task)


def test_set_result_and_set_exception_are_refused(world, wloop):
    task = world.task(wloop, value())
    with pytest.raises(RuntimeError, match="Task does not support set_result operation"):
        task.set_result(1)
    with pytest.raises(RuntimeError, match="Task does not support set_exception operation"):
        task.set_exception(ValueError())
    wloop.run_until_complete(task)


def test_exceptions(world, wloop):
    async def boom():
        raise ValueError("boom")

    task = world.task(wloop, boom())
    with pytest.raises(ValueError, match="boom"):
        wloop.run_until_complete(task)
    assert isinstance(task.exception(), ValueError)
    with pytest.raises(ValueError, match="boom"):
        task.result()


def test_the_traceback_points_at_the_cause(world, wloop):
    import traceback

    async def inner():
        raise ValueError("boom")

    async def outer():
        await inner()

    task = world.task(wloop, outer())
    turns(wloop)
    names = [frame.name for frame in traceback.extract_tb(task.exception().__traceback__)]
    if world.tasks == "python":
        names = names[-2:]
    assert names == ["outer", "inner"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_base_exceptions_end_the_run_and_stay_in_the_task(world, wloop, kind):
    async def boom():
        raise kind("boom")

    ran = []
    task = world.task(wloop, boom())
    wloop.call_soon(ran.append, 1)
    with pytest.raises(kind, match="boom"):
        turns(wloop)
    assert task.done() and isinstance(task.exception(), kind)
    turns(wloop)
    assert ran == [1]


def test_other_base_exceptions_stay_in_the_task(world, wloop):
    class Odd(BaseException):
        pass

    async def boom():
        raise Odd("boom")

    async def main():
        with pytest.raises(Odd, match="boom"):
            await world.task(wloop, boom())

    wloop.run_until_complete(main())


def test_stop_iteration_from_a_coroutine(world, wloop):
    async def boom():
        raise StopIteration(5)

    task = world.task(wloop, boom())
    with pytest.raises(RuntimeError, match="coroutine raised StopIteration"):
        wloop.run_until_complete(task)


def test_await_a_task_several_times(world, wloop):
    async def main():
        task = world.task(wloop, value(7))
        assert [await task, await task] == [7, 7]
        results = await asyncio.gather(*[wait_for_it(task) for _ in range(5)])
        return results

    async def wait_for_it(task):
        return await task

    assert wloop.run_until_complete(main()) == [7] * 5


def test_return_values_that_trouble_stop_iteration(world, wloop):
    class Weird(tuple):
        pass

    error = StopIteration(1)
    for result in (None, (), (1, 2), Weird((1,)), error, ValueError("v"), [1], 0, False, "text"):

        async def main(result=result):
            return await world.task(wloop, value(result))

        got = wloop.run_until_complete(main())
        assert got is result


def test_awaiting_futures_that_resolve_to_tuples_and_exceptions(world, wloop):
    for result in ((), (1, 2), StopIteration(1), ValueError("v"), None):

        async def main(result=result):
            future = world.future(wloop)
            wloop.call_soon(future.set_result, result)
            return await future

        assert wloop.run_until_complete(world.task(wloop, main())) is result


def test_await_itself(world, wloop):
    async def coro():
        await asyncio.current_task()

    task = world.task(wloop, coro())
    with pytest.raises(RuntimeError, match="Task cannot await on itself"):
        wloop.run_until_complete(task)


def test_bad_yields(world, wloop):
    class Bad:
        def __init__(self, what):
            self.what = what

        def __await__(self):
            yield self.what

    def generator():
        yield

    def plain_future():
        return wloop.create_future()

    seen = []

    async def main():
        for what in (5, "text", object(), generator(), [1]):
            try:
                await Bad(what)
            except RuntimeError as error:
                seen.append(str(error).split(":")[0].split(" in ")[0][:20])
        await Bad(None)
        try:
            await Bad(plain_future())
        except RuntimeError as error:
            seen.append(str(error)[:26])

    wloop.run_until_complete(world.task(wloop, main()))
    assert seen == ["Task got bad yield"] * 3 + [
        "yield was used instea",
        "Task got bad yield",
        "yield was used instead of ",
    ] or (len(seen) == 6 and "yield" in seen[-1])


def test_future_of_another_loop(world, wloop):
    from ..support import new_event_loop

    other = new_event_loop(world.loop)
    future = other.create_future()

    async def main():
        await future

    task = world.task(wloop, main())
    with pytest.raises(RuntimeError, match="attached to a different loop"):
        wloop.run_until_complete(task)
    other.close()


def test_done_callbacks(world, wloop):
    seen = []
    task = world.task(wloop, value(3))
    task.add_done_callback(lambda t: seen.append(("one", t is task)))
    removed = lambda t: seen.append("removed")  # noqa: E731
    task.add_done_callback(removed)
    task.add_done_callback(removed)
    assert task.remove_done_callback(removed) == 2
    assert task.remove_done_callback(removed) == 0
    wloop.run_until_complete(task)
    turns(wloop)
    assert seen == [("one", True)]
    task.add_done_callback(lambda t: seen.append("late"))
    assert len(seen) == 1
    turns(wloop)
    assert seen[-1] == "late"


def test_done_callback_context(world, wloop):
    var = contextvars.ContextVar("var", default="none")
    seen = []
    task = world.task(wloop, value())
    var.set("outer")
    task.add_done_callback(lambda t: seen.append(var.get()))
    context = contextvars.Context()
    task.add_done_callback(lambda t: seen.append(var.get()), context=context)
    var.set("later")
    wloop.run_until_complete(task)
    turns(wloop)
    assert seen == ["outer", "none"]


def test_context_of_a_task(world, wloop):
    var = contextvars.ContextVar("var", default="none")
    var.set("at creation")
    seen = []

    async def coro():
        seen.append(var.get())
        var.set("inside")
        await asyncio.sleep(0)
        seen.append(var.get())

    task = world.task(wloop, coro())
    var.set("afterwards")
    wloop.run_until_complete(task)
    assert seen == ["at creation", "inside"]
    assert var.get() == "afterwards"


@pytest.mark.skipif(not PY311, reason="create_task(context=) is new in CPython 3.11")
def test_explicit_context(world, wloop):
    var = contextvars.ContextVar("var", default="none")

    async def coro():
        before = var.get()
        var.set("inside")
        await asyncio.sleep(0)
        return before

    context = contextvars.copy_context()
    context.run(var.set, "given")
    task = world.task(wloop, coro(), context=context)
    assert wloop.run_until_complete(task) == "given"
    assert context[var] == "inside"
    if PY312:
        assert task.get_context() is context
    task = wloop.create_task(coro(), context=context)
    assert wloop.run_until_complete(task) == "inside"


def test_names(world, wloop):
    task = world.task(wloop, value())
    named = world.task(wloop, value(), name="mine")
    number = world.task(wloop, value(), name=7)
    assert task.get_name().startswith("Task-")
    int(task.get_name()[5:])
    assert named.get_name() == "mine"
    assert number.get_name() == "7" or PY313 and number.get_name() == 7
    named.set_name(8)
    assert named.get_name() == "8"
    wloop.run_until_complete(asyncio.gather(task, named, number))


def test_names_count_up(world, wloop):
    tasks = [world.task(wloop, value()) for _ in range(3)]
    numbers = [int(task.get_name().removeprefix("Task-")) for task in tasks]
    assert numbers[0] < numbers[1] < numbers[2]
    wloop.run_until_complete(asyncio.gather(*tasks))


def test_get_coro(world, wloop):
    coro = value()
    task = world.task(wloop, coro)
    assert task.get_coro() is coro
    wloop.run_until_complete(task)


def test_all_tasks(world, wloop):
    tasks = {world.task(wloop, forever()) for _ in range(5)}
    done = world.task(wloop, value())
    assert asyncio.all_tasks(wloop) == tasks | {done}
    turns(wloop)
    assert asyncio.all_tasks(wloop) == tasks
    assert asyncio.tasks.all_tasks(wloop) == tasks

    async def inside():
        return asyncio.all_tasks()

    main = world.task(wloop, inside())
    assert wloop.run_until_complete(main) == tasks | {main}
    run_cancelled(wloop, *tasks)
    assert asyncio.all_tasks(wloop) == set()
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.all_tasks()


def test_all_tasks_does_not_keep_them_alive(world, wloop, wreports):
    async def main():
        future = wloop.create_future()

        async def waits():
            await future  # noqa: F821 (deleted below, on purpose)

        task = world.task(wloop, waits())
        await asyncio.sleep(0)
        alive = weakref.ref(task)
        coro = task.get_coro()
        del task, future, waits
        gc.collect()
        # The task and the future that it waits for kept only each other.
        coro.close()
        del coro
        gc.collect()
        return alive() is None

    wloop.run_until_complete(main())
    wreports.take()
    gc.collect()
    assert not asyncio.all_tasks(wloop)


def test_weakrefs(world, wloop):
    task = world.task(wloop, value())
    alive = weakref.ref(task)
    assert alive() is task
    weak_set = weakref.WeakSet([task])
    weak_dict = weakref.WeakKeyDictionary({task: 1})
    wloop.run_until_complete(task)
    assert task in weak_set and weak_dict[task] == 1
    del task
    turns(wloop)
    gc.collect()
    assert alive() is None and not weak_set and not weak_dict


def test_a_finished_task_frees_its_coroutine_and_result(world, wloop):
    class Thing:
        pass

    async def coro(thing):
        local = thing
        await asyncio.sleep(0)
        return local

    thing = Thing()
    alive = weakref.ref(thing)
    task = world.task(wloop, coro(thing))
    assert wloop.run_until_complete(task) is thing
    del task, thing
    turns(wloop)
    gc.collect()
    assert alive() is None


def test_hash_and_equality(world, wloop):
    a, b = world.task(wloop, value()), world.task(wloop, value())
    assert a == a and a != b and len({a, b, a}) == 2
    wloop.run_until_complete(asyncio.gather(a, b))


def test_attributes_that_libraries_read(world, wloop):
    task = world.task(wloop, value())
    assert task._asyncio_future_blocking is False
    assert task._log_destroy_pending is True
    assert task._loop is wloop
    assert task._state == "PENDING"
    assert task._must_cancel is False
    assert task._fut_waiter is None
    assert task._coro is task.get_coro()
    assert task._source_traceback is None
    assert task._exception is None and task._result is None
    wloop.run_until_complete(task)
    assert task._state == "FINISHED"
    assert task._callbacks in (None, [], ())

    async def check():
        future = world.future(wloop)

        async def waits():
            await future

        waiter = world.task(wloop, waits())
        await asyncio.sleep(0)
        assert waiter._fut_waiter is future
        waiter._log_destroy_pending = False
        assert waiter._log_destroy_pending is False
        waiter.cancel()
        assert future.cancelled()
        await asyncio.wait([waiter])
        assert waiter._state == "CANCELLED"

    wloop.run_until_complete(world.task(wloop, check()))


def test_get_stack_and_print_stack(world, wloop):
    async def inner():
        await forever()

    async def outer():
        await inner()

    task = world.task(wloop, outer())
    assert [f.f_code.co_name for f in task.get_stack()] == ["outer"]
    turns(wloop)
    assert [f.f_code.co_name for f in task.get_stack()] == ["outer"]
    assert len(task.get_stack(limit=1)) == 1
    out = io.StringIO()
    task.print_stack(file=out)
    assert out.getvalue().startswith("Stack for <")
    assert "in outer" in out.getvalue()
    run_cancelled(wloop, task)
    out = io.StringIO()
    task.print_stack(file=out)
    assert out.getvalue().startswith("No stack for <")

    async def boom():
        raise ValueError("boom")

    failed = world.task(wloop, boom())
    turns(wloop)
    out = io.StringIO()
    failed.print_stack(file=out)
    assert "Traceback for <" in out.getvalue() and "ValueError: boom" in out.getvalue()
    assert [f.f_code.co_name for f in failed.get_stack()][-1:] == ["boom"]
    failed.exception()


def test_task_class_with_wrong_arguments(world, wloop):
    cls = type(world.task(wloop, value()))
    turns(wloop)
    if world.tasks == "python":
        return  # its destructor stumbles over what was never initialised
    for bad in (None, 5, value, "text"):
        with pytest.raises(TypeError, match="a coroutine was expected, got"):
            cls(bad, loop=wloop)
    with pytest.raises(TypeError):
        cls()
    coro = value()
    with pytest.raises(TypeError):
        cls(coro, loop=wloop, nonsense=1)
    coro.close()


def test_generic_alias(world, wloop):
    cls = type(world.task(wloop, value()))
    turns(wloop)
    alias = cls[int]
    assert alias.__origin__ is cls and alias.__args__ == (int,)


def test_reinitialising_a_task(world, wloop):
    if world.tasks == "python":
        return  # the Python class keeps its result and never steps again
    task = world.task(wloop, value(1))
    wloop.run_until_complete(task)
    if PY315:
        coro = value(2)
        with pytest.raises(RuntimeError, match=r"\.Task object is already initialized"):
            task.__init__(coro, loop=wloop)
        coro.close()
        assert task.result() == 1
        return
    task.__init__(value(2), loop=wloop)
    assert wloop.run_until_complete(task) == 2


def test_coroutine_likes(world, wloop):
    """collections.abc.Coroutine by registration (Cython's, say) is a coroutine."""
    import collections.abc

    class Like(collections.abc.Coroutine):
        def __init__(self):
            self.steps = iter([None, None])

        def send(self, value):
            try:
                return next(self.steps)
            except StopIteration:
                raise StopIteration("sent") from None

        def throw(self, *args):
            raise args[0]

        def close(self):
            pass

        def __await__(self):
            return self

    assert wloop.run_until_complete(world.task(wloop, Like())) == "sent"


def test_reprs():
    def scenario(loop, log):
        async def coro():
            await loop.create_future()

        async def returns():
            return [1, 2]

        async def fails():
            raise ValueError("boom")

        def callback(task):
            pass

        task = loop.create_task(coro(), name="waits")
        log(repr(task))
        turns(loop)
        log(repr(task))
        task.add_done_callback(callback)
        log(repr(task))
        task.add_done_callback(callback)
        task.add_done_callback(callback)
        task.add_done_callback(callback)
        log(repr(task))
        task.cancel()
        log(repr(task))
        turns(loop, 2)
        log(repr(task))
        task = loop.create_task(returns(), name="returns")
        turns(loop)
        log(repr(task))
        task = loop.create_task(fails(), name="fails")
        turns(loop)
        log(repr(task))
        task.exception()
        unnamed = loop.create_task(returns())
        log(repr(unnamed))
        turns(loop)

        async def running():
            log(repr(asyncio.current_task()))

        loop.run_until_complete(loop.create_task(running(), name="running"))

        async def awaits_a_task():
            await loop.create_task(coro(), name="inner")

        outer = loop.create_task(awaits_a_task(), name="outer")
        turns(loop, 2)
        log(repr(outer))
        outer.cancel()
        turns(loop, 3)

    differential(scenario)
    differential(scenario, debug=True)


def test_task_factory(world, wloop):
    made = []

    def factory(loop, coro, **kwargs):
        made.append(sorted(kwargs))
        return (
            world.task(loop, coro, **kwargs)
            if world.tasks != "own"
            else asyncio.Task(coro, loop=loop, **kwargs)
        )

    wloop.set_task_factory(factory)
    assert wloop.get_task_factory() is factory
    assert wloop.run_until_complete(value(4)) == 4
    task = wloop.create_task(value(5), name="named")
    assert task.get_name() == "named"
    assert wloop.run_until_complete(task) == 5
    assert len(made) == 2
    wloop.set_task_factory(None)
    assert wloop.get_task_factory() is None
    assert wloop.run_until_complete(value(6)) == 6
    assert len(made) == 2


def test_task_factory_that_raises_or_gives_nonsense():
    def scenario(loop, log):
        def raising(loop, coro, **kwargs):
            coro.close()
            raise ZeroDivisionError("factory")

        loop.set_task_factory(raising)
        log.attempt("raising", lambda: loop.create_task(value()))

        def nonsense(loop, coro, **kwargs):
            coro.close()
            return 5

        loop.set_task_factory(nonsense)
        log.attempt("nonsense", lambda: loop.create_task(value()))
        loop.set_task_factory(None)

    differential(scenario)


def test_deep_chain_of_awaits(world, wloop):
    async def chain(n):
        if n:
            return await chain(n - 1)
        await asyncio.sleep(0)
        return "bottom"

    assert wloop.run_until_complete(world.task(wloop, chain(200))) == "bottom"


def test_long_chain_of_tasks(world, wloop):
    async def chain(n):
        if n == 0:
            return 0
        return 1 + await world.task(wloop, chain(n - 1))

    assert wloop.run_until_complete(world.task(wloop, chain(2000))) == 2000


def test_a_task_that_is_unregistered_is_not_shown(loop):
    async def main():
        task = asyncio.create_task(asyncio.sleep(30))
        await asyncio.sleep(0)
        asyncio._unregister_task(task)
        shown = task in asyncio.all_tasks()
        asyncio._unregister_task(task)
        asyncio._register_task(task)
        again = [one for one in asyncio.all_tasks() if one is task]
        task.cancel()
        await asyncio.wait([task])
        return shown, len(again), task in asyncio.all_tasks()

    assert loop.run_until_complete(main()) == (False, 1, False)
