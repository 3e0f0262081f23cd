"""Which task is current at each point, when eager tasks of several kinds start each other (CPython 3.12 and later)."""

import asyncio
import contextvars
import itertools

import pytest

from ..support import LOOPS, OTHERS, PY312, Log, checked_loop, collect, new_event_loop

pytestmark = pytest.mark.skipif(not PY312, reason="eager tasks are new in CPython 3.12")


def kinds(loop_name):
    """The classes of tasks that can be told apart on a loop: on asyncio's, the same one under both names."""
    if loop_name == "asyncio":
        return {"C": asyncio.Task, "native": asyncio.Task}
    import riata

    return {"C": asyncio.Task, "native": riata.Task}


class Ending(BaseException):
    pass


def compare(scenario, *args):
    logs = {}
    for name in ["asyncio", *OTHERS]:
        loop = new_event_loop(name)
        log = Log()
        loop.set_exception_handler(
            lambda _, context, log=log: log("handler", context["message"].split(" <")[0])
        )
        names = {None: None}

        def here(label, loop=loop, log=log, names=names):
            task = asyncio.current_task(loop)
            log(label, names.get(task, task and task.get_name()))

        try:
            scenario(loop, log, here, kinds(name), *args)
            here("at the end")
        finally:
            loop.close()
        collect()
        logs[name] = log
    expected = logs.pop("asyncio")
    assert len(expected) > 2
    for name, log in logs.items():
        assert log == expected, name


def eager(loop, kind, coro, name):
    return kind(coro, loop=loop, eager_start=True, name=name)


PAIRS = list(itertools.product(["C", "native"], repeat=2))
ORDERS = list(itertools.product(["C", "native"], repeat=3))


@pytest.mark.parametrize("suspend", [False, True])
@pytest.mark.parametrize("outer, middle, inner", ORDERS)
def test_nested(outer, middle, inner, suspend):
    def scenario(loop, log, here, kind):
        made = []

        async def innermost():
            here("inner starts")
            if suspend:
                await asyncio.sleep(0)
                here("inner goes on")

        async def between():
            here("middle starts")
            made.append(eager(loop, kind[inner], innermost(), "inner"))
            here("middle has made inner")
            loop.call_soon(here, "a callback of middle's")
            if suspend:
                await asyncio.sleep(0)
                here("middle goes on")

        async def main():
            here("main starts")
            made.append(eager(loop, kind[middle], between(), "middle"))
            here("main has made middle")
            loop.call_soon(here, "a callback of main's")
            await asyncio.sleep(0)
            here("main goes on")
            for task in made:
                await task
            here("main ends")

        loop.run_until_complete(kind[outer](main(), loop=loop, name="main"))

    compare(scenario)


@pytest.mark.parametrize("first, second", PAIRS)
def test_in_callbacks(first, second):
    def scenario(loop, log, here, kind):
        async def child():
            here("child")
            await asyncio.sleep(0)
            here("child goes on")

        async def parent():
            here("parent")
            task = eager(loop, kind[second], child(), "child")
            here("parent has made child")
            await task

        def callback():
            here("callback")
            task = eager(loop, kind[first], parent(), "parent")
            here("callback has made parent")
            task.add_done_callback(lambda _: (here("done callback"), loop.stop()))
            loop.call_soon(here, "next callback")

        loop.call_soon(callback)
        loop.call_soon(here, "same turn")
        loop.run_forever()

    compare(scenario)


@pytest.mark.parametrize("error", [ValueError, Ending, KeyboardInterrupt, asyncio.CancelledError])
@pytest.mark.parametrize("outer, inner", PAIRS)
def test_errors_in_between(outer, inner, error):
    def scenario(loop, log, here, kind):
        async def fails():
            here("inner")
            raise error("boom")

        async def main():
            here("main")
            try:
                task = eager(loop, kind[inner], fails(), "inner")
                log(task.done(), task.cancelled() or type(task.exception()).__name__)
            except BaseException as caught:
                log("raised", type(caught).__name__)
            here("main after inner")
            loop.call_soon(here, "callback")
            await asyncio.sleep(0)
            here("main goes on")

        loop.run_until_complete(kind[outer](main(), loop=loop, name="main"))

    compare(scenario)


@pytest.mark.skipif("riata" not in LOOPS, reason="asks riata alone (RIATA_TEST_LOOPS)")
@pytest.mark.parametrize("outer", ["C", "native"])
def test_a_context_that_cannot_be_entered(outer):
    """The eager task's step never runs; whoever started it stays the current one (asyncio loses track of it there)."""
    with checked_loop("riata") as (loop, _):
        kind = kinds("riata")
        context = contextvars.copy_context()

        async def never():
            raise AssertionError

        async def main():
            me = asyncio.current_task()
            coro = never()
            with pytest.raises(RuntimeError, match="cannot enter context"):
                kind["native"](coro, loop=loop, eager_start=True, context=context)
            assert asyncio.current_task() is me
            assert asyncio.all_tasks() == {me}
            coro.close()
            await asyncio.sleep(0)
            assert asyncio.current_task() is me

        loop.set_exception_handler(lambda _, context: handled.append(context["message"]))
        handled = []
        loop.run_until_complete(kind[outer](main(), loop=loop, name="main", context=context))


@pytest.mark.parametrize("kind_name", ["C", "native"])
def test_the_bookkeeping_is_undone_by_hand(kind_name, loop_name):
    """Programs that run a coroutine beside its task, as nest_asyncio does, tell asyncio that none is current."""
    with checked_loop(loop_name) as (loop, _):
        kind = kinds(loop_name)[kind_name]

        async def child():
            return asyncio.current_task()

        async def main():
            me = asyncio.current_task()
            asyncio.tasks._leave_task(loop, me)
            assert asyncio.current_task() is None
            inner = eager(loop, kind, child(), "inner")
            assert inner.result() is inner
            assert asyncio.current_task() is None
            asyncio.tasks._enter_task(loop, me)
            assert asyncio.current_task() is me
            await asyncio.sleep(0)
            assert asyncio.current_task() is me

        loop.run_until_complete(kinds(loop_name)["native"](main(), loop=loop))
