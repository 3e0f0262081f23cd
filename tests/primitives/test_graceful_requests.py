"""`graceful`, and requests to cancel its body from outside: none is lost, and none invented."""

import asyncio
import contextlib

import pytest

import riata

from ..support import PY312, PY313
from .shared import needs_uncancel


@pytest.mark.parametrize("how", ["shielded", "shield that ends by its timeout", "group"])
def test_graceful_gives_a_request_back_that_came_with_its_own(go, how):
    """Of two requests that come together one is delivered, and it may be ours: the other one is not lost with it."""
    if not PY313 and go.loop == "asyncio":
        pytest.skip("before 3.13 asyncio's tasks forget requests")

    async def main():
        async def fail_when_cancelled():
            try:
                await asyncio.sleep(10)
            finally:
                # The group cancels it, and so does the end.
                with contextlib.suppress(asyncio.CancelledError):
                    await riata.sleep(0.05)
                with contextlib.suppress(asyncio.CancelledError):
                    await riata.sleep(0.05)
                raise ValueError("clean-up failed")

        async def body():
            if how == "group":
                async with riata.TaskGroup() as group:
                    group.create_task(fail_when_cancelled())
                    await asyncio.sleep(10)
            elif how == "shielded":
                async with riata.shielded(timeout=1):
                    await riata.sleep(0.1)
                    raise ValueError("clean-up failed")
            else:
                async with riata.shielded(timeout=0.1):
                    await riata.sleep(10)

        async def program():
            async with riata.graceful(drain=0.02, cancel=1, signals=()) as stop:
                stop.stop()
                await body()

        for when in (0.005, 0.05):
            task = asyncio.ensure_future(program())
            await asyncio.sleep(when)
            task.cancel("outside")
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises((TimeoutError, asyncio.TimeoutError)):
                async with riata.timeout(when):
                    await program()
                    await asyncio.sleep(5)

    go(main())


def test_graceful_and_a_request_that_came_before_it(go):
    """It is on its way when the block is entered, and comes in its body: it is none of the block's own."""
    needs_uncancel(go)

    async def main():
        async def program():
            asyncio.current_task().cancel("outside")
            async with riata.graceful(drain=1, cancel=1, signals=()) as stop:
                stop.stop()
                await asyncio.sleep(5)
            raise AssertionError("the request is lost")

        with pytest.raises(asyncio.CancelledError):
            await asyncio.ensure_future(program())

    go(main())


def test_nested_graceful_blocks_take_back_their_own_requests_only(go):
    if not PY313 and go.loop == "asyncio":
        pytest.skip("before 3.13 asyncio's tasks forget requests")

    async def main():
        async def program():
            async with riata.graceful(drain=0.01, cancel=1, signals=()) as outer:
                outer.stop()
                async with riata.graceful(drain=0.01, cancel=1, signals=()) as inner:
                    inner.stop()
                    async with riata.shielded(timeout=None):
                        await asyncio.sleep(0.06)

        task = asyncio.ensure_future(program())
        await asyncio.sleep(0.03)
        task.cancel("outside")
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):
            async with riata.timeout(0.03):
                await program()
                await asyncio.sleep(5)

    go(main())


def test_graceful_invents_no_request(go):
    """A body that has swallowed one ends normally, though a task that awaits the body's is cancelled, and hands that on."""

    async def main():
        async def program():
            me = asyncio.current_task()
            async with riata.graceful(drain=0.01, cancel=0.5, signals=()) as stop:
                asyncio.get_running_loop().call_soon(me.cancel, "outside")
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(5)

                async def await_the_body():
                    await riata.race(me, asyncio.sleep(5))

                stop.create_task(await_the_body())
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)

        await asyncio.ensure_future(program())

    go(main())


def test_graceful_and_a_request_past_its_shield(go):
    """A method of asyncio's tasks that was bound before the block knows of no shield: the request comes, when the end is over."""

    async def main():
        done = []

        async def work():
            await asyncio.sleep(0.03)
            done.append("work")

        async def program():
            asyncio.get_running_loop().call_later(0.01, asyncio.current_task().cancel)
            async with riata.graceful(drain=1, cancel=1, signals=()) as stop:
                stop.create_task(work())
            await asyncio.sleep(5)

        with pytest.raises(asyncio.CancelledError):
            await asyncio.ensure_future(program())
        assert done == ["work"]

    go(main())


@pytest.mark.skipif(not PY312, reason="tasks are eager since 3.12")
def test_graceful_on_eager_tasks_goes_on_when_every_task_is_cancelled(go):
    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        log = []

        async def flush():
            try:
                await asyncio.sleep(5)
            finally:
                await asyncio.sleep(0.02)
                log.append("flushed")

        class Server:
            def close(self):
                for task in asyncio.all_tasks() - {asyncio.current_task(), me}:
                    task.cancel("tidy")

        me = asyncio.current_task()
        async with riata.graceful(drain=5, cancel=5, signals=()) as stop:
            stop.closing(Server())
            stop.create_task(flush())
            await asyncio.sleep(0)
        assert log == ["flushed"]

    go(main())
