"""Tasks."""

import asyncio
import contextvars
import pickle
import sys

from registry import probe
from support import expect, logged, until


async def nothing():
    pass


@probe()
async def tasks_are_asyncios(loop):
    """Tasks and futures of the loop pass `isinstance` of asyncio's classes"""
    task, future = loop.create_task(nothing()), loop.create_future()
    assert isinstance(task, asyncio.Task) and isinstance(future, asyncio.Future)
    assert asyncio.isfuture(task)
    await task


@probe()
async def create_task_keywords(loop):
    """`loop.create_task` takes `name`, and `context` since 3.11"""
    assert (await named(loop, name="given")) == "given"
    if sys.version_info >= (3, 11):
        variable = contextvars.ContextVar("variable")
        context = contextvars.copy_context()
        context.run(variable.set, 7)

        async def read():
            return variable.get()

        assert await loop.create_task(read(), context=context) == 7


async def named(loop, **options):
    async def name():
        return asyncio.current_task().get_name()

    return await loop.create_task(name(), **options)


@probe(issue="uvloop#754", since=(3, 14))
async def eager_start(loop):
    """`create_task(..., eager_start=True)` runs the task up to its first wait"""
    seen = []

    async def first():
        seen.append("ran")

    task = loop.create_task(first(), eager_start=True)
    assert seen == ["ran"] and task.done(), "it waits for the next turn"


@probe(since=(3, 12))
async def eager_task_factory(loop):
    """`asyncio.eager_task_factory` starts tasks at once, in `create_task` and in `TaskGroup`"""
    loop.set_task_factory(asyncio.eager_task_factory)
    seen = []

    async def first(what):
        seen.append(what)

    task = loop.create_task(first(1), name="eager", context=contextvars.copy_context())
    assert seen == [1] and task.done(), "it waits for the next turn"
    async with asyncio.TaskGroup() as group:
        group.create_task(first(2))
        assert seen == [1, 2], "in a group it waits"


@probe()
async def task_factory_keywords(loop):
    """A task factory gets the keywords that asyncio of this Python passes it"""
    passed = []

    def factory(loop, coro, **options):
        passed.append(sorted(options))
        return asyncio.Task(coro, loop=loop, **options)

    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    options = {"name": "n"}
    if sys.version_info >= (3, 11):
        options["context"] = contextvars.copy_context()
    task = loop.create_task(nothing(), **options)
    reference = asyncio.SelectorEventLoop()
    expected = []
    try:
        reference.set_task_factory(
            lambda loop, coro, **options: (
                expected.append(sorted(options)),
                asyncio.Task(coro, loop=loop),
            )[1]
        )
        other = reference.create_task(nothing(), **options)
        reference.run_until_complete(other)
    except RuntimeError:
        other.get_coro().close()  # another loop runs in this thread; the factory was called
        other._log_destroy_pending = False
    finally:
        reference.close()
    await task
    assert passed == expected, f"it passes {passed[0]}, asyncio {expected[0]}"


@probe()
async def task_factory_refuses(loop):
    """`set_task_factory` refuses what cannot be called"""
    expect(TypeError, loop.set_task_factory, 42)


@probe()
async def custom_future(loop):
    """A class with `__await__` and `_asyncio_future_blocking` can be awaited by the loop's tasks"""

    class Wrapped:
        _asyncio_future_blocking = False

        def __init__(self):
            self.inner = loop.create_future()

        def get_loop(self):
            return loop

        def add_done_callback(self, callback, *, context=None):
            self.inner.add_done_callback(lambda _: callback(self), context=context)

        def result(self):
            return self.inner.result()

        def cancel(self, msg=None):
            return self.inner.cancel()

        def __iter__(self):
            self._asyncio_future_blocking = True
            yield self
            return self.result()

        __await__ = __iter__

    future = Wrapped()
    loop.call_soon(future.inner.set_result, 5)

    async def wait():
        return await future

    assert await loop.create_task(wait()) == 5


@probe()
async def foreign_loop_refused(loop):
    """Awaiting a future of another loop raises RuntimeError in the task"""
    other = asyncio.new_event_loop()
    future = other.create_future()

    async def wait():
        await future

    try:
        await loop.create_task(wait())
    except RuntimeError as error:
        assert "attached to a different loop" in str(error), f"it says {error}"
    else:
        raise AssertionError("no RuntimeError raised")
    finally:
        other.close()


@probe()
async def exception_never_retrieved(loop):
    """A task's exception that nobody asks for reaches the exception handler"""
    import gc

    seen = []
    loop.set_exception_handler(lambda _, context: seen.append(context))

    async def fail():
        raise ValueError("lost")

    task = loop.create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
    await asyncio.sleep(0)
    assert seen and "never retrieved" in seen[0]["message"], "it does not"
    assert isinstance(seen[0]["exception"], ValueError)


@probe()
async def destroyed_pending(loop):
    """A pending task that is collected is reported"""
    import gc

    seen = []
    loop.set_exception_handler(lambda _, context: seen.append(context["message"]))

    async def wait():
        await asyncio.Event().wait()

    loop.create_task(wait())
    await asyncio.sleep(0)
    gc.collect()
    assert seen == ["Task was destroyed but it is pending!"], f"reported: {seen}"


@probe()
async def pickling(loop):
    """Pickling a task, a future or the loop raises TypeError, and does not crash"""
    task = loop.create_task(nothing())
    for thing in (task, loop.create_future(), loop):
        expect(TypeError, pickle.dumps, thing)
    await task


@probe(since=(3, 14))
async def call_graph(loop):
    """`asyncio.capture_call_graph` shows a task of the loop, its frames and who awaits it"""

    async def inner():
        await asyncio.sleep(0.001)
        return asyncio.capture_call_graph()

    async def outer():
        return await loop.create_task(inner(), name="inner")

    graph = await loop.create_task(outer(), name="outer")
    names = [entry.frame.f_code.co_name for entry in graph.call_stack]
    assert "inner" in names, f"the stack is {names}"
    awaited = [waiter.future.get_name() for waiter in graph.awaited_by]
    assert awaited == ["outer"], f"awaited by {awaited}"


@probe(since=(3, 14))
async def call_graph_of_another(loop):
    """`asyncio.format_call_graph` of a waiting task goes through `gather`"""

    async def leaf():
        await asyncio.sleep(10)

    task = loop.create_task(leaf(), name="leaf")

    async def root():
        await asyncio.gather(task)

    waiter = loop.create_task(root(), name="root")
    await asyncio.sleep(0.001)
    text = asyncio.format_call_graph(task)
    waiter.cancel()
    await asyncio.wait([waiter, task])
    assert "leaf" in text and "root" in text, "root is not in it"


@probe()
async def current_and_all_tasks(loop):
    """`asyncio.current_task` and `all_tasks` know the loop's tasks"""
    task = loop.create_task(asyncio.sleep(0.001))
    assert asyncio.all_tasks() == {task, asyncio.current_task()}, "they do not"
    await task


@probe()
async def asyncgens_closed(loop):
    """An async generator left half-way is closed by the loop when it is collected"""
    import gc

    seen = []

    async def generator():
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            seen.append("closed")

    async for _ in generator():
        break
    gc.collect()
    await until(lambda: seen, "it was never closed")


@probe()
def asyncgens_shut_down(new_loop):
    """`shutdown_asyncgens` closes those that are left, and warns of those made later"""
    import warnings

    loop = new_loop()
    seen = []

    async def generator():
        try:
            yield 1
        finally:
            seen.append("closed")

    async def first(generator):
        return await generator.__anext__()

    left = generator()
    loop.run_until_complete(first(left))
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert seen == ["closed"], "it is left open"
    late = generator()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop.run_until_complete(first(late))
    assert any("shutdown_asyncgens" in str(w.message) for w in caught), "no warning for a late one"
    loop.run_until_complete(late.aclose())
    loop.close()


@probe()
def slow_tasks_reported(new_loop):
    """In debug mode a slow step of a task is logged with the task's name"""
    import time

    loop = new_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.001

    async def slow():
        time.sleep(0.01)

    async def main():
        await loop.create_task(slow(), name="sluggish")

    with logged() as messages:
        loop.run_until_complete(main())
    loop.close()
    assert any("sluggish" in m and "took" in m for m in messages), "it is not logged"
