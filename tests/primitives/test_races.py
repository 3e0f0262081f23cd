"""`race`, `first_success` and `gather(limit=)`: results, failures, cancellation."""

import asyncio

import pytest

import riata

from ..support import PY311
from .shared import Crowd, boom, told, value


def test_gather_with_a_limit(go):
    async def main():
        crowd = Crowd()
        assert await riata.gather(*map(crowd.work, range(9)), limit=2) == list(range(9))
        assert crowd.most == 2
        late = value("late")
        with pytest.raises(ValueError, match="boom"):
            await riata.gather(boom(), late, limit=1)
        assert late.cr_frame is None
        mixed = await riata.gather(boom(), value(1), limit=1, return_exceptions=True)
        assert [str(result) for result in mixed] == ["boom", "1"]
        waiting = riata.gather(value(1, 60), value(2), limit=1)
        await riata.sleep(0)
        await riata.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(ValueError, match="limit must be at least 1, not 0"):
            riata.gather(value(1), limit=0)

    go(main())


def test_race(go):
    async def main():
        cleaned = []

        async def loser():
            try:
                await riata.sleep(60)
            finally:
                await riata.sleep(0.005)
                cleaned.append("loser")

        assert await riata.race(value("fast", 0.001), loser()) == "fast"
        assert cleaned == ["loser"]
        with pytest.raises(ValueError, match="boom"):
            await riata.race(boom(), loser())
        with pytest.raises(ValueError, match="at least one"):
            await riata.race()
        racing = asyncio.create_task(riata.race(loser(), loser()))
        await riata.sleep(0.001)
        racing.cancel()
        await asyncio.wait([racing])
        assert racing.cancelled() and len(cleaned) == 4

    go(main())


def test_first_success(go):
    async def main():
        assert await riata.first_success(boom(), value("ok", 0.005), value("slow", 60)) == "ok"
        with pytest.raises(BaseException) as caught:
            await riata.first_success(boom("a", 0.002), boom("b"))
        assert [str(error) for error in caught.value.exceptions] == ["a", "b"]
        with pytest.raises(ValueError, match="at least one"):
            await riata.first_success()

    go(main())


def test_gather_with_a_limit_is_gather(go):
    async def main():
        task = asyncio.ensure_future(value(5))
        assert await riata.gather(task, task, value(1), limit=1) == [5, 5, 1]
        same = value(7)
        assert await riata.gather(same, same, limit=2) == [7, 7]

        async def cancelled():
            raise asyncio.CancelledError("child")

        sibling = asyncio.ensure_future(value("went on", 0.002))
        with pytest.raises(asyncio.CancelledError):
            await riata.gather(sibling, cancelled(), limit=2)
        assert await sibling == "went on"

        seen = []

        future = asyncio.get_running_loop().create_future()
        gathering = riata.gather(told(seen), future, limit=1)
        await riata.sleep(0.001)
        gathering.cancel("why")
        with pytest.raises(asyncio.CancelledError):
            await gathering
        assert seen == [("why",)] and future.cancelled()

    go(main())


@pytest.mark.parametrize("limit", [None, 2])
def test_gather_keeps_quiet_about_further_failures(go, limit):
    async def main():
        with pytest.raises(ValueError, match="first"):
            await riata.gather(boom("first"), boom("in the same turn"), limit=limit)
        with pytest.raises(ValueError, match="first"):
            await riata.gather(boom("first"), boom("later", 0.001), limit=limit)
        await riata.sleep(0.005)

    go(main())


@pytest.mark.parametrize("limit", [None, 1, 2])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_gather_that_is_cancelled_leaves_nothing(go, recwarn, limit, turns):
    async def main():
        futures = [asyncio.get_running_loop().create_future() for _ in range(2)]
        coroutines = [value(1, 60), value(2, 60)]
        gathering = riata.gather(*coroutines, *futures, limit=limit)
        for _ in range(turns):
            await riata.sleep(0)
        gathering.cancel("why")
        with pytest.raises(asyncio.CancelledError):
            await gathering
        assert [future.cancelled() for future in futures] == [True, True]
        await riata.sleep(0)
        assert [coroutine.cr_frame for coroutine in coroutines] == [None, None]

    go(main())
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize("limit", [None, 3])
@pytest.mark.parametrize("return_exceptions", [False, True])
@pytest.mark.parametrize("ends", ["by a result", "by a failure", "cancelled"])
def test_what_comes_of_a_gather_that_is_cancelled(go, limit, return_exceptions, ends):
    async def main():
        async def work():
            try:
                await riata.sleep(60)
            except asyncio.CancelledError:
                if ends == "cancelled":
                    raise
                if ends == "by a failure":
                    raise ValueError(ends)

        gathering = riata.gather(work(), work(), return_exceptions=return_exceptions, limit=limit)
        await riata.sleep(0.001)
        gathering.cancel()
        with pytest.raises((ValueError, asyncio.CancelledError)) as caught:
            await gathering
        return caught.type

    fails = ends == "by a failure" and not return_exceptions
    assert go(main()) is (ValueError if fails else asyncio.CancelledError)


def test_gather_with_a_limit_that_is_cancelled_keeps_quiet_about_failures(go):
    async def main():
        async def fail():
            raise ValueError

        gathering = riata.gather(fail(), riata.sleep(60), limit=2, return_exceptions=True)
        await riata.sleep(0.001)
        gathering.cancel()
        await asyncio.wait([gathering])
        del gathering

    go(main())  # which looks for reports


def test_what_is_given_twice_is_awaited_once(go):
    async def main():
        once = value(1, 0.001)
        assert await riata.race(once, once) == 1
        once, future = value(2, 0.001), asyncio.ensure_future(boom())
        assert await riata.first_success(future, once, future, once) == 2
        once, future = boom("once"), asyncio.ensure_future(boom("future"))
        with pytest.raises(BaseException, match="no awaitable has succeeded") as caught:
            await riata.first_success(once, future, once, future)
        assert [str(error) for error in caught.value.exceptions] == ["once", "future"] * 2
        loser = asyncio.ensure_future(value(3, 60))
        assert await riata.race(loser, loser, value(4)) == 4
        assert not PY311 or loser.cancelling() == 1

    go(main())


def test_race_begins_all_or_none(go):
    async def main():
        never = value(1)
        with pytest.raises(TypeError, match="an awaitable is needed, not 5"):
            await riata.race(never, 5)
        assert never.cr_frame is None

    go(main())


def test_race_waits_for_its_losers_and_is_cancelled_then(go):
    async def main():
        log = []

        async def slow_to_end():
            try:
                await riata.sleep(60)
            finally:
                await riata.sleep(0.02)
                log.append("ended")

        task = asyncio.create_task(riata.race(value(1), slow_to_end()))
        await riata.sleep(0.005)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert log == ["ended"]

    go(main())
