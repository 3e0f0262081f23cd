"""Cancellation under nesting: faults that asyncio had, by the number of the issue at python/cpython."""

import asyncio

import pytest

import riata

from ..support import PY311, PY312
from .shared import fails_when_cancelled, needs_uncancel, slow_to_end


@pytest.fixture(autouse=True)
def _needs_uncancel(go):
    needs_uncancel(go)


async def boom():
    raise ValueError("boom")


def errors(caught):
    return [str(error) for error in caught.value.exceptions]


def test_95289_a_body_that_ends_while_a_child_fails_leaves_no_request(go):
    async def main():
        with pytest.raises(BaseException) as caught:
            async with riata.TaskGroup() as group:
                group.create_task(boom())
                await riata.sleep(0)
        assert errors(caught) == ["boom"]
        assert asyncio.current_task().cancelling() == 0
        # It can be cancelled and take that back as if nothing had happened.
        asyncio.current_task().cancel()
        with pytest.raises(asyncio.CancelledError):
            await riata.sleep(0)
        assert asyncio.current_task().uncancel() == 0

    go(main())


def test_116720_an_inner_group_does_not_swallow_the_outer_groups_request(go):
    async def main():
        reached = []
        with pytest.raises(BaseException) as caught:
            async with riata.TaskGroup() as outer:
                outer.create_task(boom())
                try:
                    async with riata.TaskGroup() as inner:
                        inner.create_task(boom())
                        await riata.sleep(60)
                except BaseException as error:
                    if not hasattr(error, "exceptions"):
                        raise
                await riata.sleep(60)
                reached.append("the end of the body")
        assert errors(caught) == ["boom"]
        assert reached == []
        assert asyncio.current_task().cancelling() == 0

    go(main())


@pytest.mark.skipif(not PY312, reason="asyncio has no eager tasks before 3.12")
def test_128588_an_eager_child_that_fails_at_once_cancels_the_parent_later(go):
    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        log = []
        with pytest.raises(BaseException) as caught:
            async with riata.TaskGroup() as group:
                group.create_task(boom())
                log.append("went on")
                group.create_task(riata.sleep(0))
                log.append("made another")
                await riata.sleep(60)
        asyncio.get_running_loop().set_task_factory(None)
        assert errors(caught) == ["boom"]
        return log

    assert go(main()) == ["went on", "made another"]


def test_133747_a_timeout_around_a_failed_group_that_is_slow_to_say_so(go):
    async def main():
        async def slow_to_say_so():
            try:
                async with riata.TaskGroup() as group:
                    group.create_task(boom())
            except BaseException:
                await riata.sleep(60)
                raise

        with pytest.raises(riata.TimeoutError):
            await riata.wait_for(slow_to_say_so(), 0.01)
        with pytest.raises(riata.TimeoutError):
            async with riata.timeout(0.01):
                await slow_to_say_so()
        assert asyncio.current_task().cancelling() == 0

    go(main())


def test_155433_cancel_of_a_group_does_not_swallow_a_request_from_outside(go):
    async def main():
        with pytest.raises(riata.TimeoutError):
            async with riata.timeout(0.01):
                async with riata.TaskGroup() as group:
                    group.create_task(slow_to_end(0.05))
                    await riata.sleep(0)
                    group.cancel()
        assert asyncio.current_task().cancelling() == 0

    go(main())


async def in_riatas_timeout(work):
    async with riata.timeout(0.01):
        await work()


async def in_asyncios_timeout(work):
    async with asyncio.timeout(0.01):
        await work()


async def in_wait_for(work):
    await riata.wait_for(work(), 0.01)


async def in_a_group_with_a_deadline(work):
    async with riata.TaskGroup(deadline=asyncio.get_running_loop().time() + 0.01):
        await work()


async def in_a_group_that_fails(work):
    async with riata.TaskGroup() as group:
        group.create_task(boom())
        await work()


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize(
    "within",
    [
        in_riatas_timeout,
        pytest.param(
            in_asyncios_timeout,
            marks=pytest.mark.skipif(not PY311, reason="asyncio.timeout is new in CPython 3.11"),
        ),
        in_wait_for,
        in_a_group_with_a_deadline,
        in_a_group_that_fails,
    ],
)
def test_116720_a_request_that_ended_in_an_error_is_not_left_for_the_next_await(go, within, depth):
    async def main():
        async def work(depth=depth):
            async with riata.TaskGroup() as group:
                if depth == 1:
                    group.create_task(fails_when_cancelled())
                    await riata.sleep(60)
                else:
                    await work(depth - 1)

        with pytest.raises(BaseException) as caught:
            await within(work)
        assert hasattr(caught.value, "exceptions")
        assert asyncio.current_task().cancelling() == 0
        await riata.sleep(0)
        await asyncio.sleep(0)

    go(main())
