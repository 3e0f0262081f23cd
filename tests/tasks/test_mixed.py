"""asyncio's own tasks and futures, in C and in Python, together with those of the loop under test, both ways."""

import asyncio
import contextvars

import pytest

from ..support import WORLDS, World, turns

KINDS = list(dict.fromkeys(w.tasks for w in [World("", "", "own"), World("", "", "C"), *WORLDS]))


@pytest.fixture(params=KINDS)
def first(request):
    return request.param


@pytest.fixture(params=KINDS)
def second(request):
    return request.param


def maker(loop_name, kind):
    return World("mixed", loop_name, kind)


def test_task_awaits_task(loop, loop_name, first, second):
    outer, inner = maker(loop_name, first), maker(loop_name, second)

    async def leaf():
        await asyncio.sleep(0)
        return "leaf"

    async def parent():
        return await inner.task(loop, leaf())

    assert loop.run_until_complete(outer.task(loop, parent())) == "leaf"


def test_task_awaits_future(loop, loop_name, first, second):
    outer, inner = maker(loop_name, first), maker(loop_name, second)

    async def waits(future):
        return await future

    ok, bad, gone = (inner.future(loop) for _ in range(3))
    tasks = [outer.task(loop, waits(future)) for future in (ok, bad, gone)]
    turns(loop)
    ok.set_result(("a", "tuple"))
    bad.set_exception(ValueError("boom"))
    gone.cancel()
    turns(loop, 2)
    assert tasks[0].result() == ("a", "tuple")
    assert isinstance(tasks[1].exception(), ValueError)
    assert tasks[2].cancelled()


def test_cancel_passes_between_kinds(loop, loop_name, first, second):
    outer, inner = maker(loop_name, first), maker(loop_name, second)
    seen = []

    async def leaf():
        try:
            await loop.create_future()
        except asyncio.CancelledError as error:
            seen.append(error.args)
            raise

    async def parent():
        await inner.task(loop, leaf())

    task = outer.task(loop, parent())
    turns(loop, 2)
    task.cancel("why")
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    assert seen == [("why",)]


def test_gather_and_shield_and_wait_mix(loop, loop_name, first, second):
    one, two = maker(loop_name, first), maker(loop_name, second)

    async def leaf(n):
        await asyncio.sleep(0)
        return n

    async def main():
        future = two.future(loop)
        loop.call_soon(future.set_result, "future")
        results = await asyncio.gather(
            one.task(loop, leaf(1)),
            two.task(loop, leaf(2)),
            asyncio.shield(one.task(loop, leaf(3))),
            future,
        )
        done, pending = await asyncio.wait([one.task(loop, leaf(4)), two.task(loop, leaf(5))])
        assert not pending
        results += sorted(task.result() for task in done)
        results.append(await asyncio.wait_for(two.task(loop, leaf(6)), 5))
        return results

    assert loop.run_until_complete(one.task(loop, main())) == [1, 2, 3, "future", 4, 5, 6]


def test_current_and_all_tasks_see_every_kind(loop, loop_name, first, second):
    one, two = maker(loop_name, first), maker(loop_name, second)

    async def leaf():
        await asyncio.sleep(0)
        return asyncio.current_task()

    async def main():
        child = two.task(loop, leaf())
        assert asyncio.all_tasks() == {me, child}
        assert await child is child
        assert asyncio.current_task() is me

    me = one.task(loop, main())
    loop.run_until_complete(me)


def test_interleaved_steps_keep_the_current_task_right(loop, loop_name):
    async def leaf(box):
        for _ in range(10):
            assert asyncio.current_task() is box[0]
            loop.call_soon(lambda: seen.append(asyncio.current_task()))
            await asyncio.sleep(0)

    seen = []
    tasks = []
    for i in range(12):
        box = []
        box.append(maker(loop_name, KINDS[i % len(KINDS)]).task(loop, leaf(box)))
        tasks.append(box[0])
    loop.run_until_complete(asyncio.gather(*tasks))
    assert seen == [None] * 120


def test_a_duck_typed_future(loop):
    """Anything with `_asyncio_future_blocking` can be awaited."""

    class Duck:
        _asyncio_future_blocking = False

        def __init__(self):
            self.callbacks = []

        def get_loop(self):
            return loop

        def add_done_callback(self, callback, *, context=None):
            self.callbacks.append((callback, context))

        def result(self):
            return "quack"

        def cancel(self, msg=None):
            self.cancelled_with = msg
            return False

        def __await__(self):
            self._asyncio_future_blocking = True
            yield self
            return self.result()

    duck = Duck()

    async def main():
        return await duck

    task = loop.create_task(main())
    turns(loop)
    assert len(duck.callbacks) == 1
    callback, context = duck.callbacks[0]
    loop.call_soon(callback, duck, context=context)
    assert loop.run_until_complete(task) == "quack"


def test_wrap_future_and_concurrent_futures(loop):
    import concurrent.futures

    async def main():
        concurrent_future = concurrent.futures.Future()
        wrapped = asyncio.wrap_future(concurrent_future)
        concurrent_future.set_result(3)
        assert await wrapped == 3
        other = concurrent.futures.Future()
        wrapped = asyncio.wrap_future(other)
        wrapped.cancel()
        await asyncio.sleep(0)
        assert other.cancelled()

    loop.run_until_complete(main())


def test_subclasses(world, wloop):
    class MyFuture(world.future_class if world.tasks != "own" else type(wloop.create_future())):
        def __init__(self, *, loop=None):
            super().__init__(loop=loop)
            self.extra = "set"

        def set_result(self, result):
            super().set_result(("mine", result))

    class MyTask(world.task_class if world.tasks != "own" else asyncio.Task):
        cancels = 0

        def cancel(self, msg=None):
            type(self).cancels += 1
            return super().cancel(msg)

    async def waits(future):
        return await future

    future = MyFuture(loop=wloop)
    assert future.extra == "set"
    task = MyTask(waits(future), loop=wloop)
    turns(wloop)
    future.set_result(1)
    assert wloop.run_until_complete(task) == ("mine", 1)

    task = MyTask(waits(MyFuture(loop=wloop)), loop=wloop)
    turns(wloop)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        wloop.run_until_complete(task)
    assert MyTask.cancels == 1


def test_subclass_of_a_future_with_an_own_loop_of_awaits(world, wloop):
    base = world.future_class if world.tasks != "own" else type(wloop.create_future())

    class Slotted(base):
        __slots__ = ("mark",)

    future = Slotted(loop=wloop)
    future.mark = 1
    wloop.call_soon(future.set_result, 2)
    assert wloop.run_until_complete(future) == 2


def test_result_of_a_subclass_is_asked_in_the_tasks_context(world, wloop):
    """And before the task is the current one, as asyncio does it."""
    base = world.future_class if world.tasks != "own" else type(wloop.create_future())
    var = contextvars.ContextVar("var", default="outside")
    seen = []

    class Asks(base):
        def result(self):
            seen.append((var.get(), asyncio.current_task(wloop)))
            if seen[1:]:
                return super().result()
            # What it sets stays in the context.
            var.set("set by result()")
            raise LookupError("from result()")

    async def main(future):
        var.set("inside")
        try:
            await future
        except LookupError:
            seen.append(var.get())

    future = Asks(loop=wloop)
    task = world.task(wloop, main(future))
    turns(wloop)
    wloop.call_soon(future.set_result, 1)
    wloop.run_until_complete(task)
    assert seen == [("inside", None), "set by result()"]
