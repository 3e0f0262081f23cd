"""What the patterns have in common: why who runs is cancelled, what a note names, each task looked at once, errors, eager tasks."""

import asyncio
import contextlib

import pytest

import riata

from ..support import PY312
from .shared import boom, needs_uncancel, told, value


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
