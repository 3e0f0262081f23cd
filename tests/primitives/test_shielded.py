"""`shielded`: what it holds back, what it lets through, and for how long."""

import asyncio
import contextlib

import pytest

import riata

from ..support import PY311, PY313
from .shared import boom, needs_uncancel, value


def test_shielded_holds_a_cancellation_back(go):
    async def main():
        log, began, cancelled = [], riata.Event(), riata.Event()

        async def work():
            try:
                async with riata.shielded(timeout=60):
                    log.append("began")
                    began.set()
                    async with riata.timeout(60) as inner:
                        with contextlib.suppress(riata.TimeoutError):
                            async with riata.timeout(0.001):
                                await riata.sleep(60)
                        log.append("inner timeouts work")
                    assert not inner.expired()
                    await cancelled.wait()
                    log.append("finished")
                log.append("not reached")
            except asyncio.CancelledError as error:
                log.append(error.args)
                raise

        task = asyncio.create_task(work())
        await began.wait()
        task.cancel("stop")
        cancelled.set()
        await asyncio.wait([task])
        assert task.cancelled()
        return log

    needs_uncancel(go)
    assert go(main()) == ["began", "inner timeouts work", "finished", ("stop",)]


def test_shielded_not_for_ever(go):
    async def main():
        with pytest.raises(riata.TimeoutError):
            async with riata.shielded(timeout=0.005):
                await riata.sleep(60)
        async with riata.shielded(timeout=1):
            async with riata.TaskGroup() as group:
                group.create_task(value(1))
        with pytest.raises(BaseException) as caught:
            async with riata.shielded(timeout=60):
                async with riata.TaskGroup() as group:
                    group.create_task(boom())
                    await riata.sleep(60)
        assert [str(error) for error in caught.value.exceptions] == ["boom"]
        task = asyncio.current_task()
        assert task.cancel.__self__ is task
        if PY311:
            assert task.cancelling() == 0

    needs_uncancel(go)
    go(main())


def test_shields_nest(go):
    async def main():
        log = []

        async def work():
            async with riata.shielded(timeout=60):
                async with riata.shielded(timeout=60):
                    await riata.sleep(0.005)
                log.append("inner")
                await riata.sleep(0.005)
                log.append("outer")
            log.append("not reached")

        task = asyncio.create_task(work())
        await riata.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return log

    go(main())
    assert go(main()) == ["inner", "outer"]


def test_timeouts_inside_a_shield_work_after_a_request_was_held(go):
    async def main():
        log = []

        async def work():
            async with riata.shielded(timeout=60):
                await riata.sleep(0.002)
                for scope in ("timeout", "wait_for", "group"):
                    with contextlib.suppress(riata.TimeoutError):
                        if scope == "timeout":
                            async with riata.timeout(0.002):
                                await riata.sleep(60)
                        elif scope == "wait_for":
                            await riata.wait_for(riata.sleep(60), 0.002)
                        else:
                            async with riata.TaskGroup() as group:
                                group.create_task(riata.sleep(60))
                                await riata.sleep(0)
                                group.cancel()
                    log.append(scope)
                assert not PY311 or asyncio.current_task().cancelling() == 0
            log.append("not reached")

        task = asyncio.create_task(work())
        await riata.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return log

    needs_uncancel(go)
    assert go(main()) == ["timeout", "wait_for", "group"]


@pytest.mark.skipif(not PY311, reason="asyncio has no timeout before 3.11")
def test_asyncios_own_scopes_inside_a_shield(go):
    async def main():
        async def boom_soon():
            raise ValueError("boom")

        async with riata.shielded(timeout=60):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.002):
                    await asyncio.sleep(60)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.sleep(60), 0.002)
            with pytest.raises(BaseException) as caught:
                async with asyncio.TaskGroup() as group:
                    group.create_task(boom_soon())
                    await asyncio.sleep(60)
            assert [str(error) for error in caught.value.exceptions] == ["boom"]
        await asyncio.sleep(0)
        assert asyncio.current_task().cancelling() == 0

    go(main())


def test_the_timeout_of_an_outer_shield_comes_when_the_inner_one_is_over(go):
    async def main():
        log = []
        with pytest.raises(riata.TimeoutError):
            async with riata.shielded(timeout=0.005):
                async with riata.shielded(timeout=60):
                    await riata.sleep(0.02)
                    log.append("the inner one has finished")
                await riata.sleep(60)
        await riata.sleep(0)
        return log

    needs_uncancel(go)
    assert go(main()) == ["the inner one has finished"]


def test_a_shield_that_cannot_be_entered_shields_nothing(go):
    async def main():
        with pytest.raises(TypeError):
            async with riata.shielded(timeout="soon"):
                pass
        task = asyncio.current_task()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await riata.sleep(0)
        if hasattr(task, "uncancel"):
            task.uncancel()

    go(main())


def test_a_request_that_came_just_before_the_shield(go):
    async def main():
        log = []

        async def work():
            asyncio.current_task().cancel("early")
            async with riata.shielded(timeout=60):
                await riata.sleep(0.002)
                log.append("finished")
            log.append("not reached")

        task = asyncio.create_task(work())
        await asyncio.wait([task])
        assert task.cancelled()
        return log

    needs_uncancel(go)
    assert go(main()) == ["finished"]


@pytest.mark.parametrize("owner", ["waits", "has ended", "is shielded again"])
def test_a_shield_in_a_generator_that_another_task_closes(go, owner):
    async def main():
        log = []

        async def generator():
            async with riata.shielded(timeout=60):
                yield

        async def own():
            await generating.__anext__()
            if owner == "has ended":
                return
            try:
                if owner == "is shielded again":
                    async with riata.shielded(timeout=60):
                        entered.set()
                        await closed.wait()
                        log.append("finished")
                await riata.sleep(60)
            except asyncio.CancelledError as error:
                log.append(error.args)
                raise

        generating = generator()
        entered, closed = riata.Event(), riata.Event()
        task = asyncio.create_task(own())
        for _ in range(5):
            await riata.sleep(0)
        if owner == "has ended":
            await task
        else:
            task.cancel("held")
        await generating.aclose()
        closed.set()
        await asyncio.wait([task])
        assert task.cancelled() == (owner != "has ended")
        # The task that has closed it is as it was.
        async with riata.shielded(timeout=60):
            await riata.sleep(0)
        return log

    expected = {"waits": [("held",)], "has ended": [], "is shielded again": ["finished", ("held",)]}
    assert go(main()) == expected[owner]


def test_a_generator_with_a_shield_that_is_closed_within_another_one(go):
    async def main():
        log = []

        async def generator():
            async with riata.shielded(timeout=60):
                yield

        async def work():
            generating = generator()
            await generating.__anext__()
            async with riata.shielded(timeout=60):
                await generating.aclose()
                began.set()
                await closed.wait()
                with pytest.raises(riata.TimeoutError):
                    async with riata.timeout(0.001):
                        await riata.sleep(60)
                log.append("finished")
            log.append("not reached")

        began, closed = riata.Event(), riata.Event()
        task = asyncio.create_task(work())
        await began.wait()
        task.cancel()
        closed.set()
        await asyncio.wait([task])
        assert task.cancelled()
        return log

    needs_uncancel(go)
    assert go(main()) == ["finished"]


def test_a_shield_keeps_a_request_that_is_made_again_and_again_once(go):
    async def main():
        async def work():
            async with riata.shielded(timeout=60) as shield:
                await riata.sleep(0.01)
                assert len(shield._held) == 2

        task = asyncio.create_task(work())
        await riata.sleep(0)
        for _ in range(1000):
            task.cancel("Cancelled via cancel scope 7f")
        task.cancel("another")
        await asyncio.wait([task])
        assert task.cancelled()

    go(main())


def test_a_request_of_a_group_passes_the_shields_around_it(go):
    needs_uncancel(go)

    async def main():
        async def close_all():
            async with riata.TaskGroup() as group:
                group.cancel("enough")
                async with riata.shielded(timeout=60):
                    await riata.sleep(0.001)

        async with riata.shielded(timeout=60):
            async with riata.shielded(timeout=60):
                await close_all()
            reached = True
        await riata.sleep(0)
        assert reached and asyncio.current_task().cancelling() == 0

    go(main())


def test_a_timeout_that_passes_in_a_shield_that_takes_too_long(go):
    if not PY313 and go.loop == "asyncio":
        pytest.skip("asyncio's tasks do not forget a request before 3.13")

    async def main():
        async with riata.timeout(0.002):
            with contextlib.suppress(riata.TimeoutError):
                async with riata.shielded(timeout=0.01):
                    await riata.sleep(60)
        await riata.sleep(0)

    go(main())


def test_of_two_requests_the_reason_is_kept(go):
    needs_uncancel(go)

    async def main():
        seen = []

        async def work():
            async with riata.timeout(0.005):
                try:
                    async with riata.shielded(timeout=None):
                        await riata.sleep(0.01)
                except asyncio.CancelledError as error:
                    seen.append(error.args)
                    raise

        task = asyncio.create_task(work())
        await riata.sleep(0.001)
        task.cancel("server stops")
        await asyncio.wait([task])
        assert task.cancelled()
        return seen

    assert go(main()) == [("server stops",)]


@pytest.mark.skipif(not PY311, reason="asyncio has no timeout before 3.11")
def test_a_timeout_of_asyncios_around_a_shield_that_takes_too_long(go):
    if not PY313 and go.loop == "asyncio":
        pytest.skip("asyncio's tasks do not forget a request before 3.13")

    async def main():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.002):
                async with riata.shielded(timeout=0.01):
                    await riata.sleep(60)
        await riata.sleep(0.001)

    go(main())


def test_a_shield_counts_requests_with_the_same_message(go):
    """A group that is cancelled takes its request back, and not somebody else's that has the same message."""
    needs_uncancel(go)
    if not PY313 and go.loop == "asyncio":
        pytest.skip("before 3.13 asyncio's tasks forget requests")

    async def main():
        groups = []

        async def program():
            async with riata.TaskGroup() as group:
                groups.append(group)
                async with riata.shielded(timeout=None):
                    await asyncio.sleep(0.02)
            await asyncio.sleep(5)

        task = asyncio.ensure_future(program())
        await asyncio.sleep(0.005)
        groups[0].cancel("shutdown")
        task.cancel("shutdown")
        with pytest.raises(asyncio.CancelledError):
            await task

    go(main())
