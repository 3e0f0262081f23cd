"""Cancelling tasks: when, how often, from where, and with which message."""

import asyncio
import gc

import pytest

from ..support import PY311, PY313, WORLDS, forever, run_scenario, turns


def test_cancel(world, wloop):
    task = world.task(wloop, forever())
    turns(wloop)
    assert task.cancel() is True
    assert not task.cancelled()
    turns(wloop, 2)
    assert task.cancelled() and task.done()
    assert task.cancel() is False
    with pytest.raises(asyncio.CancelledError):
        task.result()
    with pytest.raises(asyncio.CancelledError):
        task.exception()


def test_cancel_before_the_first_step(world, wloop):
    ran = []

    async def coro():
        ran.append(1)

    task = world.task(wloop, coro())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        wloop.run_until_complete(task)
    assert ran == []


def test_cancel_message(world, wloop):
    async def main():
        task = world.task(wloop, forever())
        await asyncio.sleep(0)
        task.cancel("the reason")
        try:
            await task
        except asyncio.CancelledError as error:
            return error.args
        return None

    args = wloop.run_until_complete(main())
    assert args in (("the reason",), ())


def test_cancel_message_seen_inside(world, wloop):
    seen = []

    async def inside():
        try:
            await forever()
        except asyncio.CancelledError as error:
            seen.append(error.args)
            raise

    async def main():
        task = world.task(wloop, inside())
        await asyncio.sleep(0)
        task.cancel(msg="the reason")
        await asyncio.wait([task])

    wloop.run_until_complete(main())
    assert seen == [("the reason",)]


def test_a_task_may_refuse_to_be_cancelled(world, wloop):
    async def stubborn():
        try:
            await forever()
        except asyncio.CancelledError:
            return "refused"

    async def main():
        task = world.task(wloop, stubborn())
        await asyncio.sleep(0)
        task.cancel()
        assert await task == "refused"
        assert not task.cancelled()

    wloop.run_until_complete(main())


def test_cancel_reaches_the_innermost_task(world, wloop):
    seen = []

    async def leaf():
        try:
            await forever()
        finally:
            seen.append("leaf")

    async def middle():
        try:
            await world.task(wloop, leaf())
        finally:
            seen.append("middle")

    async def main():
        task = world.task(wloop, middle())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    wloop.run_until_complete(main())
    assert seen == ["leaf", "middle"]


def test_cancel_while_the_wake_up_is_scheduled(world, wloop):
    """The result has come, the task has not run yet: the cancellation wins, as in asyncio."""
    seen = []

    async def waiter(future):
        try:
            seen.append(await future)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def main():
        future = world.future(wloop)
        task = world.task(wloop, waiter(future))
        await asyncio.sleep(0)
        future.set_result("result")
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    wloop.run_until_complete(main())
    assert seen == ["cancelled"]


def test_a_task_cancels_itself(world, wloop):
    async def coro():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)
        pytest.fail("not reached")

    task = world.task(wloop, coro())
    with pytest.raises(asyncio.CancelledError):
        wloop.run_until_complete(task)

    async def and_returns():
        asyncio.current_task().cancel()
        return 5

    task = world.task(wloop, and_returns())
    wloop.run_until_complete(asyncio.wait([task]))
    assert task.cancelled()


@pytest.mark.skipif(not PY311, reason="uncancel and cancelling are new in CPython 3.11")
def test_uncancel_and_cancelling(world, wloop):
    async def coro():
        task = asyncio.current_task()
        assert task.cancelling() == 0
        task.cancel()
        task.cancel()
        assert task.cancelling() == 2
        assert task.uncancel() == 1
        assert task.uncancel() == 0
        assert task.uncancel() == 0
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return "thrown"
        return "withdrawn"

    # Since CPython 3.13 the count that reaches zero withdraws a cancellation not yet thrown.
    expected = "withdrawn" if PY313 else "thrown"
    assert wloop.run_until_complete(world.task(wloop, coro())) == expected


def test_cancel_a_long_chain_of_tasks(world, wloop):
    async def chain(n):
        if n == 0:
            await forever()
        await world.task(wloop, chain(n - 1))

    task = world.task(wloop, chain(300))
    turns(wloop, 302)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        wloop.run_until_complete(task)


def test_cancelling_tasks_that_wait_for_each_other(world, wloop):
    """asyncio recurses from one to the next and raises RecursionError at the end; a crash it must never be."""

    async def waits_for(box):
        await box[0]

    box = []
    first = world.task(wloop, waits_for(box))
    second = world.task(wloop, waits_for([first]))
    box.append(second)
    turns(wloop)
    try:
        first.cancel()
    except RecursionError:
        pass
    first._log_destroy_pending = second._log_destroy_pending = False
    # Break the ring by hand.
    for task in (first, second):
        task.get_coro().close()
    del box[:], first, second, task
    gc.collect()
    for task in asyncio.all_tasks(wloop):
        task._log_destroy_pending = False
    task = None
    gc.collect()


def test_cancelling_a_very_long_chain_is_no_crash(world, wloop):
    async def waits_for(task):
        await task

    task = world.task(wloop, forever())
    tasks = [task]
    for _ in range(20_000):
        task = world.task(wloop, waits_for(task))
        tasks.append(task)
    turns(wloop)
    try:
        task.cancel()
    except RecursionError:
        tasks[0].cancel()
    for _ in range(len(tasks)):
        if tasks[-1].done():
            break
        turns(wloop)
    assert all(one.done() for one in tasks)


@pytest.mark.parametrize(
    "where", ["before its first step", "in a turn", "on a future", "at its end"]
)
def test_who_hears_the_message_of_a_cancellation(world, where):
    """Who asks first, by the exception that ended the task; on 3.10 nobody."""

    def scenario_in(world):
        def scenario(loop, log):
            async def child():
                if where == "on a future":
                    await world.future(loop)
                elif where == "at its end":
                    asyncio.current_task().cancel("why")
                else:
                    await asyncio.sleep(0)
                    await asyncio.sleep(0)

            task = world.task(loop, child())
            if where != "before its first step":
                turns(loop)
            if where != "at its end":
                task.cancel("why")
            turns(loop, 3)
            log(task.cancelled(), task._cancel_message)
            for ask in (task.result, task.exception, task.result):
                log.attempt("ask", ask)
            log(task._cancel_message)

        return scenario

    expected = run_scenario("asyncio", scenario_in(WORLDS[0]))
    assert run_scenario(world.loop, scenario_in(world)) == expected
