"""`map`, `gather(limit=)`, `race`, `first_success`, `time_left`, `shielded`, `graceful`: results, failures, cancellation."""

import asyncio
import contextlib

import pytest

import riata

from ..support import PY311, PY312
from .shared import boom, needs_uncancel, told, value


def test_map_streams_with_back_pressure(go):
    async def main():
        started = []

        async def double(number):
            started.append(number)
            await riata.sleep(0)
            return 2 * number

        async def endless():
            number = 0
            while True:
                yield number
                number += 1

        got = []
        async with contextlib.aclosing(riata.map(double, endless(), limit=3)) as results:
            async for result in results:
                got.append(result)
                assert len(started) - len(got) <= 3
                await riata.sleep(0.001)
                if result == 20:
                    break
        return got

    assert go(main()) == list(range(0, 22, 2))


@pytest.mark.parametrize("ordered", [True, False])
def test_map_passes_on_a_failure_and_cleans_up(go, ordered):
    async def main():
        ended = []

        async def work(number):
            try:
                if number == 2:
                    await boom("two", 0.002)
                await riata.sleep(60 if number > 2 else 0)
                return number
            finally:
                ended.append(number)

        got = []
        with pytest.raises(ValueError, match="two"):
            async for result in riata.map(work, range(10), limit=4, ordered=ordered):
                got.append(result)
        assert got == [0, 1]
        assert len(asyncio.all_tasks()) == 1
        assert set(ended) >= {0, 1, 2, 3}

    go(main())


def test_map_with_a_timeout_for_each_call(go):
    async def main():
        async def work(seconds):
            return await value(seconds, seconds)

        with pytest.raises(riata.TimeoutError):
            async for _ in riata.map(work, [0, 60], limit=2, timeout=0.01):
                pass
        with pytest.raises(ValueError, match="limit must be at least 1, not 0"):
            async for _ in riata.map(work, [], limit=0):
                pass
        return [result async for result in riata.map(work, [0.02, 0], limit=2, ordered=False)]

    needs_uncancel(go)
    assert go(main()) == [0, 0.02]


def test_map_that_is_cancelled(go):
    async def main():
        async def consume():
            async for _ in riata.map(lambda n: value(n, 60), range(5), limit=2):
                pass

        task = asyncio.create_task(consume())
        await riata.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() and len(asyncio.all_tasks()) == 1

    go(main())


def test_gather_with_a_limit(go):
    async def main():
        running = most = 0

        async def work(number):
            nonlocal running, most
            running += 1
            most = max(most, running)
            await riata.sleep(0.001)
            running -= 1
            return number

        assert await riata.gather(*map(work, range(9)), limit=2) == list(range(9))
        assert most == 2
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


def test_time_left(go):
    async def main():
        assert riata.time_left() is None
        async with riata.timeout(100):
            assert 99 < riata.time_left() <= 100
            async with riata.timeout(None):
                async with riata.timeout(200):
                    assert 99 < riata.time_left() <= 100

            async def child():
                async with riata.timeout(50):
                    return riata.time_left()

            assert 49 < await asyncio.create_task(child()) <= 50
            assert 49 < await riata.wait_for(child(), 70) <= 50
            later = asyncio.create_task(read_later())
        assert riata.time_left() is None
        # The timeout under which a task was made no longer counts once it is over.
        assert await later is None

    async def read_later():
        await riata.sleep(0.001)
        return riata.time_left()

    go(main())


def test_time_left_when_another_task_closes_the_generator_with_the_timeout(go):
    async def main():
        async def numbers():
            async with riata.timeout(10):
                yield 1

        generator = numbers()
        closed = riata.Event()

        async def begin(inner):
            await generator.__anext__()
            assert round(riata.time_left()) == 10
            async with riata.timeout(inner):
                await closed.wait()
                seen.append(riata.time_left())
            seen.append(riata.time_left())

        for inner in (None, 5):
            seen = []
            generator = numbers()
            closed.clear()
            task = asyncio.get_running_loop().create_task(begin(inner))
            await riata.sleep(0)
            async with riata.timeout(50):
                await generator.aclose()
                assert round(riata.time_left()) == 50
            closed.set()
            await task
            assert [left and round(left) for left in seen] == [inner, None]

    needs_uncancel(go)
    go(main())


def test_the_note_of_a_timeout(go):
    async def main():
        event = riata.Event()
        with pytest.raises(riata.TimeoutError) as caught:
            async with riata.timeout(0.005):
                await event.wait()
        (note,) = caught.value.__notes__
        assert str(caught.value) == ""
        assert note.startswith("the timeout of 0.005 s, set in ")
        assert f"{__file__}:" in note
        assert " has passed while awaiting Event.wait of <riata.Event object at " in note

    needs_uncancel(go)
    go(main())


@pytest.mark.parametrize(
    ("awaited", "call"),
    [
        ("race", lambda: riata.race(value(1, 60))),
        ("first_success", lambda: riata.first_success(value(1, 60))),
        ("map", lambda: exhaust(riata.map(lambda seconds: value(1, seconds), [60], limit=1))),
        ("Barrier.wait of <riata.Barrier", lambda: riata.Barrier(2).wait()),
    ],
)
def test_the_note_of_a_timeout_names_the_pattern_and_who_awaits_it(go, awaited, call):
    async def main():
        with pytest.raises(riata.TimeoutError) as caught:
            async with riata.timeout(0.005):
                await call()
        (note,) = caught.value.__notes__
        assert f" has passed while awaiting {awaited} " in note
        place = note.rpartition(" in ")[2]
        assert __file__ in place

    needs_uncancel(go)
    go(main())


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


# What a shield lets through, and what it holds back


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


# What `map`, `gather` and `race` do with what goes wrong


def test_map_gives_a_result_before_the_source_has_more(go):
    async def main():
        first_is_there = riata.Event()

        async def source():
            yield 1
            await first_is_there.wait()
            yield 2

        got = []
        async for result in riata.map(value, source(), limit=5):
            got.append(result)
            first_is_there.set()
        return got

    assert go(main()) == [1, 2]


@pytest.mark.parametrize("pattern", ["map", "map, as they end", "gather", "first_success"])
def test_each_task_is_looked_at_a_few_times(go, pattern):
    asked = 0

    class Counted(asyncio.Task):
        def count(self):
            nonlocal asked
            asked += 1

        def done(self):
            self.count()
            return super().done()

        def add_done_callback(self, callback, *, context=None):
            self.count()
            super().add_done_callback(callback, context=context)

        def __hash__(self):
            self.count()
            return super().__hash__()

    async def end_in_turn(number):
        for _ in range(number):
            await asyncio.sleep(0)
        if pattern == "first_success" and number < count:
            raise ValueError

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda loop, coro, **options: Counted(coro, loop=loop, **options))
        numbers = range(1, count + 1)
        if pattern == "gather":
            await riata.gather(*map(end_in_turn, numbers), limit=100)
        elif pattern == "first_success":
            await riata.first_success(*map(end_in_turn, numbers))
        else:
            ordered = pattern == "map"
            async for _ in riata.map(end_in_turn, numbers, limit=100, ordered=ordered):
                pass
        loop.set_task_factory(None)

    count = 200
    go(main())
    assert asked < 20 * count


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
@pytest.mark.parametrize("place", ["source", "call", "awaited call"])
def test_map_does_not_end_by_what_only_iterators_may_raise(go, place, kind):
    class Source:
        def __iter__(self):
            return self

        def __next__(self):
            raise kind("stray")

    def call(number):
        raise kind("stray")

    async def awaited_call(number):
        raise kind("stray")

    async def main():
        fn = awaited_call if place == "awaited call" else call
        return [
            result
            async for result in riata.map(fn, Source() if place == "source" else [1], limit=2)
        ]

    if (place, kind) == ("source", StopIteration):
        assert go(main()) == []
    else:
        with pytest.raises(RuntimeError, match=rf"raised {kind.__name__}") as caught:
            go(main())
        assert isinstance(caught.value.__cause__, kind)


def test_map_tells_the_loop_of_further_failures():
    async def main():
        reports = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(str(context["exception"])))
        try:
            async for _ in riata.map(lambda n: boom(str(n)), range(3), limit=3, ordered=False):
                pass
        except ValueError as error:
            first = str(error)
        await riata.sleep(0.001)
        return sorted([first, *reports])

    assert riata.run(main()) == ["0", "1", "2"]


def test_map_refuses_a_limit_that_is_none():
    for limit, kind in [(float("nan"), TypeError), (0, ValueError), ("3", TypeError)]:
        with pytest.raises(kind):
            riata.map(value, [], limit=limit)


def test_map_asks_for_an_iterator_at_once_and_closes_it(go):
    class Refuses:
        def __aiter__(self):
            raise TypeError("not now")

    class Generates:
        async def __aiter__(self):
            try:
                yield 1
                yield 2
            finally:
                log.append("closed")

    async def main():
        with pytest.raises(TypeError, match="not now"):
            riata.map(value, Refuses(), limit=1)
        async with contextlib.aclosing(riata.map(value, Generates(), limit=1)) as results:
            async for result in results:
                log.append(result)
                break
        return log

    log = []
    assert go(main()) == [1, "closed"]


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


async def exhaust(results):
    async for _ in results:
        pass


PATTERNS = {
    "race": lambda *calls: riata.race(*(call() for call in calls)),
    "first_success": lambda *calls: riata.first_success(*(call() for call in calls)),
    "gather": lambda *calls: awaited(riata.gather(*(call() for call in calls), limit=2)),
    "map": lambda *calls: exhaust(riata.map(lambda call: call(), calls, limit=2)),
}


async def awaited(future):
    return await future


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("message", [(), ("stop",), (7,)])
def test_who_runs_is_told_why_the_pattern_is_cancelled(go, pattern, message):
    async def main():
        log = []
        task = asyncio.create_task(PATTERNS[pattern](lambda: told(log), lambda: told(log)))
        await riata.sleep(0.002)
        task.cancel(*message)
        with pytest.raises(asyncio.CancelledError):
            await task
        return log

    assert go(main()) == [message, message]


def test_losers_are_told_why(go):
    async def main():
        log = []
        assert await riata.race(told(log), value(1)) == 1
        assert await riata.first_success(told(log), boom(), value(2)) == 2
        with pytest.raises(ValueError, match="boom"):
            await PATTERNS["map"](boom, lambda: told(log))

        async def leave_early():
            calls = [lambda: value(1), lambda: told(log)]
            async with contextlib.aclosing(
                riata.map(lambda call: call(), calls, limit=2)
            ) as results:
                async for _ in results:
                    break

        await leave_early()
        return [message for (message,) in log]

    assert go(main()) == [
        "another awaitable has ended first",
        "another awaitable has succeeded",
        "another call, or the source, has failed",
        "the iterator was closed",
    ]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_who_runs_is_not_told_the_message_of_a_scope_of_anyio(go, pattern):
    anyio = pytest.importorskip("anyio", reason="anyio is not installed")

    async def main():
        log = []
        with anyio.move_on_after(0.005):
            await PATTERNS[pattern](lambda: told(log), lambda: told(log))
        return log

    assert go(main()) == [(), ()]


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


# Deadlines


def test_time_left_of_a_child_that_outlives_the_inner_timeout(go):
    async def main():
        async def read_later():
            await riata.sleep(0.002)
            return riata.time_left()

        async with riata.timeout(100):
            async with riata.timeout(50):
                child = asyncio.create_task(read_later())
            assert 99 < await child <= 100

    go(main())


def test_time_left_within_wait_for(go):
    async def main():
        left = {}
        background = []
        release = riata.Event()

        async def work():
            left["work"] = riata.time_left()
            background.append(asyncio.create_task(outlive()))
            async with riata.timeout(30):
                left["within"] = riata.time_left()
            await riata.sleep(0)
            left["work again"] = riata.time_left()

        async def outlive():
            left["background"] = riata.time_left()
            await release.wait()
            left["background, when wait_for is over"] = riata.time_left()

        async with riata.timeout(100):
            await riata.wait_for(work(), 50)
            release.set()
            left["first work"] = left["work"]
            left["after"] = riata.time_left()
            await background[0]
            await riata.wait_for(work(), 200)
            await background[1]
        assert riata.time_left() is None
        return left

    rounded = {name: round(seconds, -1) for name, seconds in go(main()).items()}
    assert rounded == {
        "first work": 50,
        "work": 100,
        "within": 30,
        "work again": 100,
        "background": 100,
        "background, when wait_for is over": 100,
        "after": 100,
    }


@pytest.mark.parametrize("end", ["in time", "too late", "cancelled", "fails"])
def test_time_left_once_wait_for_is_over(go, end):
    async def main():
        left = []

        async def outlive():
            left.append(riata.time_left())
            await release.wait()
            left.append(riata.time_left())

        async def work():
            background.append(asyncio.create_task(outlive()))
            try:
                if end == "in time":
                    return
                if end == "fails":
                    raise ValueError
                await riata.sleep(60)
            finally:
                await riata.sleep(0)
                left.append(riata.time_left())

        background = []
        release = riata.Event()
        seconds = 0.1 if end == "too late" else 50
        waiting = asyncio.create_task(riata.wait_for(work(), seconds))
        for _ in range(3):
            await riata.sleep(0)
        if end == "cancelled":
            waiting.cancel()
        await asyncio.wait([waiting])
        release.set()
        await background[0]
        assert waiting.cancelled() == (end == "cancelled")
        if end == "fails":
            assert isinstance(waiting.exception(), ValueError)
        if end == "too late":
            assert isinstance(waiting.exception(), (TimeoutError, asyncio.TimeoutError))
        return left

    begun, cleaning, later = go(main())
    if end == "too late":
        assert 0 < begun <= 0.1
        assert cleaning == 0
    else:
        assert 40 < begun <= 50
    if end in ("in time", "fails"):
        assert 40 < cleaning <= 50
    assert later is None


@pytest.mark.skipif(not PY312, reason="asyncio has no eager tasks before 3.12")
def test_time_left_in_an_eager_child(go):
    async def main():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)

        async def read():
            return riata.time_left()

        async with riata.timeout(100):
            assert 99 < await asyncio.create_task(read()) <= 100
        loop.set_task_factory(None)

    go(main())


def test_the_note_after_the_deadline_was_moved(go):
    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(riata.TimeoutError) as caught:
            async with riata.timeout(100) as scope:
                scope.reschedule(loop.time() + 0.002)
                await riata.sleep(60)
        assert caught.value.__notes__[0].startswith("the deadline at loop time ")

    needs_uncancel(go)
    go(main())


def test_the_note_of_wait_for(go):
    async def main():
        async def work():
            await riata.Event().wait()

        async def inner():
            await riata.wait_for(work(), 0.002)

        async def outer():
            await inner()

        with pytest.raises(riata.TimeoutError) as caught:
            await outer()
        (note,) = caught.value.__notes__
        place = f"inner ({__file__}:{inner.__code__.co_firstlineno + 1})"
        assert note.startswith("the timeout of 0.002 s, set in ")
        assert f"{place}, has passed while awaiting Event.wait of <riata.Event object" in note
        assert f"work ({__file__}:" in note
        with pytest.raises(riata.TimeoutError) as caught:
            await asyncio.ensure_future(riata.wait_for(riata.sleep(60), 0.002))
        (note,) = caught.value.__notes__
        assert note.startswith("the timeout of 0.002 s has passed while awaiting sleep")
        with pytest.raises(riata.TimeoutError) as caught:
            await riata.wait_for(asyncio.get_running_loop().create_future(), 0)
        (note,) = caught.value.__notes__
        assert note.startswith("the timeout of 0 s, set in ")

    needs_uncancel(go)
    go(main())


# `map` and sources that do not behave


@pytest.mark.parametrize("limit", [1, 5])
def test_map_over_a_source_that_goes_on_when_it_is_cancelled(go, limit):
    async def main():
        running = set()

        async def source():
            yield 0
            try:
                await riata.sleep(60)
            except asyncio.CancelledError:
                for number in range(1, 4):
                    yield number
                raise

        async def call(number):
            running.add(number)
            try:
                if number:
                    await riata.sleep(60)
            finally:
                running.discard(number)

        async with riata.timeout(10):
            results = riata.map(call, source(), limit=limit)
            async for _ in results:
                break
            await results.aclose()
            assert not running
            assert len(asyncio.all_tasks()) == 1

    needs_uncancel(go)
    go(main())


def test_map_closes_its_source_at_once(go):
    async def main():
        log = []

        async def source():
            try:
                for number in range(100):
                    yield number
            finally:
                log.append("closed")

        results = riata.map(value, source(), limit=2)
        async for _ in results:
            break
        assert log == []
        await results.aclose()
        assert log == ["closed"]

    go(main())


def test_map_loses_neither_the_failure_of_a_call_nor_that_of_the_source(go):
    async def main():
        reports = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: reports.append(context))

        async def source():
            try:
                while True:
                    yield "wrong"
            finally:
                raise KeyError("source")

        with pytest.raises(ValueError, match="wrong"):
            async for _ in riata.map(boom, source(), limit=1):
                pass
        (report,) = reports
        assert report["message"] == "the source of riata.map() failed when it was closed"
        assert repr(report["exception"]) == "KeyError('source')"

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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: riata.map(value, [], limit="x"), "limit must be an integer, not 'x'"),
        (
            lambda: riata.map(value, [], limit=1, timeout="x"),
            "timeout must be a number of seconds or None, not 'x'",
        ),
        (
            lambda: riata.map(value, [], limit=1, timeout=float("nan")),
            "timeout must be a number of seconds or None, not nan",
        ),
        (
            lambda: riata.shielded(timeout="x"),
            "timeout must be a number of seconds or None, not 'x'",
        ),
        (lambda: riata.race([1]).send(None), "several are several arguments"),
    ],
)
def test_errors_name_the_argument(go, call, message):
    async def main():
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        assert message in str(caught.value)

    go(main())


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


@pytest.mark.parametrize("kind", ["map", "shielded"])
def test_the_note_of_a_timeout_inside_a_pattern_names_no_line_of_riata(go, kind):
    async def main():
        with pytest.raises(riata.TimeoutError) as caught:
            if kind == "map":
                async for _ in riata.map(riata.sleep, [60], limit=1, timeout=0.002):
                    pass
            else:
                async with riata.shielded(timeout=0.002):
                    await riata.sleep(60)
        (note,) = caught.value.__notes__
        assert "patterns.py" not in note.replace("test_patterns.py", "")
        if kind == "shielded":
            assert f"main ({__file__}:" in note.split(" has passed")[0]

    needs_uncancel(go)
    go(main())


def test_wait_for_tells_what_it_cancels_why(go):
    async def main():
        seen = []
        task = asyncio.create_task(riata.wait_for(told(seen), 60))
        await riata.sleep(0.001)
        task.cancel("deploy")
        await asyncio.wait([task])
        assert seen == [("deploy",)]

    go(main())


@pytest.mark.skipif(not PY312, reason="eager tasks are new in CPython 3.12")
@pytest.mark.parametrize("ordered", [True, False])
def test_patterns_with_eager_tasks(go, ordered):
    async def main():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)
        try:
            results = riata.map(value, range(5), limit=2, ordered=ordered)
            assert sorted([number async for number in results]) == [0, 1, 2, 3, 4]
            assert await riata.race(value(1), value(2, 60)) == 1
            assert await riata.first_success(boom(), value(2)) == 2
            assert await riata.gather(value(1), value(2), limit=1) == [1, 2]
        finally:
            loop.set_task_factory(None)

    go(main())
