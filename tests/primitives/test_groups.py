"""What riata's task group has beyond asyncio's: deadlines, collected failures, results, a quiet end."""

import asyncio
import contextlib
import gc
import weakref

import pytest

import riata
from riata.exceptions import BaseExceptionGroup

from ..support import PY311, PY313
from .shared import boom, fails_when_cancelled, needs_uncancel, slow_to_end, told, value


def notes(error):
    return list(getattr(error, "__notes__", ()))


@pytest.mark.parametrize("ends", ["timeout", "deadline", "cancel"])
def test_collect_keeps_the_failure_of_the_body(go, ends):
    needs_uncancel(go)

    async def main():
        deadline = asyncio.get_running_loop().time() + (0.01 if ends == "deadline" else 60)

        async def program():
            async with riata.TaskGroup(on_error="collect", deadline=deadline) as group:
                group.create_task(riata.sleep(0.05))
                raise ValueError("body")

        async def within():
            async with riata.timeout(0.01 if ends == "timeout" else 60):
                await program()

        task = asyncio.create_task(within())
        await riata.sleep(0.001)
        if ends == "cancel":
            task.cancel()
        with pytest.raises(BaseExceptionGroup) as caught:
            await task
        assert repr(caught.value.exceptions[0]) == "ValueError('body')"

    go(main())


def test_a_request_on_the_heels_of_the_groups_own_is_not_lost(go):
    needs_uncancel(go)

    async def main():
        async def program():
            async with riata.TaskGroup() as group:
                group.create_task(riata.sleep(0))
                for _ in range(3):
                    await riata.sleep(0)
                group.cancel("group")
            await riata.sleep(60)

        for turns in range(8):
            task = asyncio.create_task(program())
            for _ in range(turns):
                await riata.sleep(0)
            task.cancel("outside")
            await asyncio.wait([task], timeout=5)
            assert task.cancelled()

    go(main())


def test_collect_ends_with_a_body_that_ends_the_program(go):
    async def main():
        began = asyncio.get_running_loop().time()
        with pytest.raises(SystemExit):
            async with riata.TaskGroup(on_error="collect") as group:
                group.create_task(riata.sleep(60))
                raise SystemExit(3)
        assert asyncio.get_running_loop().time() - began < 10

    go(main())


def test_collect_raises_each_exception_once(go):
    async def main():
        with pytest.raises(BaseExceptionGroup) as caught:
            async with riata.TaskGroup(on_error="collect") as group:

                async def use():
                    await task

                task = group.create_task(boom())
                group.create_task(use())
                await task
        assert len(caught.value.exceptions) == 1

    go(main())


def test_a_failure_of_the_body_outlives_cancellations(go):
    needs_uncancel(go)

    async def main():
        async def inner(outer):
            async with riata.TaskGroup() as group:
                try:
                    outer.cancel("stop")
                    await riata.sleep(60)
                finally:
                    group.cancel("clean-up")
                    raise OSError("disk full")

        with pytest.raises(BaseExceptionGroup) as caught:
            async with riata.TaskGroup() as outer:
                await inner(outer)
        (group,) = caught.value.exceptions
        assert repr(group.exceptions) == "(OSError('disk full'),)"

    go(main())


def test_collect_runs_all_and_raises_one_group(go):
    async def main():
        group = riata.TaskGroup(on_error="collect", name="g")
        with pytest.raises(BaseException) as caught:
            async with group:
                group.create_task(boom("first"), name="one")
                group.create_task(value("fine", 0.005))
                group.create_task(boom("second", 0.01), name="two")
                raise KeyError("body")
        assert type(caught.value).__name__ == "ExceptionGroup"
        kinds = sorted((type(e).__name__, str(e)) for e in caught.value.exceptions)
        assert kinds == [("KeyError", "'body'"), ("ValueError", "first"), ("ValueError", "second")]
        results = group.results()
        assert [str(result) for result in results] == ["first", "fine", "second"]
        (note,) = notes(results[0])
        assert note.startswith("in task 'one' of the group 'g', made in ")
        assert __file__ in note

    go(main())


def test_an_exception_gets_a_note_once(go):
    error = ValueError("shared")

    async def fail():
        raise error

    async def main():
        for name in ("one", "two", "one"):
            with pytest.raises(BaseException) as caught:
                async with riata.TaskGroup(name="g") as group:
                    group.create_task(fail(), name=name)
            assert caught.value.exceptions == (error,)
        return [note.partition(" of ")[0] for note in notes(error)]

    assert go(main()) == ["in task 'one'", "in task 'two'"]


def test_collect_is_cancelled_from_outside(go):
    async def main():
        children = []

        async def collecting():
            async with riata.TaskGroup(on_error="collect") as group:
                children.append(group.create_task(value(1, 60)))

        task = asyncio.create_task(collecting())
        await riata.sleep(0)
        await riata.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() and children[0].cancelled()

    go(main())


def test_deadline_cancels_all(go):
    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(riata.TimeoutError) as caught:
            async with riata.TaskGroup(deadline=loop.time() + 0.01) as group:
                task = group.create_task(value(1, 60))
        assert task.cancelled()
        assert notes(caught.value)[0].startswith("the deadline at loop time ")
        async with riata.TaskGroup(deadline=loop.time() + 60) as group:
            task = group.create_task(value(1))
        assert group.results() == [1]

    needs_uncancel(go)
    go(main())


@pytest.mark.parametrize("on_error", ["collect", "cancel"])
def test_a_deadline_that_passes_beside_failures_is_one_of_them(go, on_error):
    async def main():
        deadline = asyncio.get_running_loop().time() + 0.01
        with pytest.raises(BaseException) as caught:
            async with riata.TaskGroup(deadline=deadline, on_error=on_error) as group:
                group.create_task(fails_when_cancelled())
                group.create_task(riata.sleep(60))
        failed, late = caught.value.exceptions
        assert str(failed) == "clean-up"
        assert isinstance(late, riata.TimeoutError)
        (note,) = notes(late)
        assert note.startswith(f"the deadline at loop time {deadline}, set in ")
        assert " has passed while awaiting TaskGroup.__aexit__ of " in note
        await riata.sleep(0)

    needs_uncancel(go)
    go(main())


def test_cancel_ends_the_group_quietly(go):
    async def main():
        seen = []

        async with riata.TaskGroup() as group:
            group.create_task(told(seen))
            await riata.sleep(0)
            group.cancel("enough")
            await riata.sleep(60)
            seen.append("not reached")
        assert seen == [("enough",)]
        assert group.cancelled
        # The task itself is as good as new.
        await riata.sleep(0)
        if PY311 or go.loop == "riata":
            assert asyncio.current_task().cancelling() == 0
        async with riata.TaskGroup() as group:
            group.cancel()
        await riata.sleep(0)

    needs_uncancel(go)
    go(main())


@pytest.mark.parametrize("body", ["runs", "has ended"])
def test_the_reason_reaches_the_groups_within(go, body):
    async def main():
        seen = []

        async def nest(depth):
            async with riata.TaskGroup() as group:
                group.create_task(told(seen, depth))
                if depth:
                    group.create_task(nest(depth - 1))
                if body == "runs":
                    await told(seen, f"body {depth}")

        async with riata.TaskGroup() as group:
            group.create_task(nest(2))
            for _ in range(5):
                await riata.sleep(0)
            group.cancel("enough")
            await riata.sleep(60)
        return sorted(seen, key=str)

    bodies = [(f"body {depth}", "enough") for depth in range(3)] if body == "runs" else []
    work = [(depth, "enough") for depth in range(3)]
    needs_uncancel(go)
    assert go(main()) == [*bodies, *work]


@pytest.mark.parametrize("messages", [(), ("why",), ("why", "else"), (None,), (7,)])
def test_children_are_told_why_their_parent_is_cancelled(go, messages):
    async def main():
        seen = []

        class Hidden(asyncio.CancelledError):
            @property
            def args(self):
                raise KeyError("args")

        async def cancelled_by(error):
            async with riata.TaskGroup() as group:
                group.create_task(told(seen, "child"))
                await riata.sleep(0)
                raise error

        for error in (asyncio.CancelledError(*messages), Hidden(*messages)):
            with pytest.raises(asyncio.CancelledError) as caught:
                await cancelled_by(error)
            assert caught.value is error
        return seen

    expected = [message for message in messages[:1] if message is not None]
    assert go(main()) == [("child", *expected), ("child",)]


def test_the_message_of_a_scope_of_anyio_stays_with_its_task(go):
    """A scope knows its own cancellations by the message; scopes of the children would take theirs for its."""
    anyio = pytest.importorskip("anyio", reason="anyio is not installed")

    async def main():
        seen = []

        with anyio.CancelScope() as scope:
            asyncio.get_running_loop().call_later(0.001, scope.cancel)
            async with riata.TaskGroup() as tg:
                tg.create_task(told(seen))
                await riata.sleep(60)
        return seen, scope.cancelled_caught

    assert go(main()) == ([()], True)


def test_cancel_from_a_child_and_twice(go):
    async def main():
        async def stop(group):
            group.cancel("by a child")
            group.cancel("again")

        async with riata.TaskGroup(name="n") as group:
            group.create_task(stop(group))
            group.create_task(value(1, 60))
        group.cancel("too late")

    needs_uncancel(go)
    go(main())


def test_results_of_what_did_not_succeed(go):
    async def main():
        async with riata.TaskGroup(results=True) as group:
            task = group.create_task(value(1, 60))
            group.create_task(value(2))
            await riata.sleep(0)
            task.cancel()
            with pytest.raises(RuntimeError, match="not finished"):
                group.results()
        cancelled, two = group.results()
        assert isinstance(cancelled, asyncio.CancelledError)
        assert two == 2
        async with riata.TaskGroup() as plain:
            pass
        with pytest.raises(RuntimeError, match="keeps no results"):
            plain.results()

    go(main())


@pytest.mark.parametrize("looked_at", [None, 0, 3, 7])
def test_tasks_leave_a_group_in_any_order(go, looked_at):
    """Who looks at `_tasks` sees those that are not done, and from then on the very set that the group uses."""

    async def after(turns):
        for _ in range(turns):
            await asyncio.sleep(0)

    async def main():
        turns = [5, 1, 9, 2, 2, 7, 0, 4]
        async with riata.TaskGroup() as group:
            made = []
            for index, count in enumerate(turns):
                if index == looked_at:
                    assert group._tasks == set(made)
                made.append(group.create_task(after(count)))
            shown = group._tasks if looked_at is not None else None
            for _ in range(4):
                await asyncio.sleep(0)
                if shown is not None:
                    assert shown is group._tasks
                    assert shown >= {task for task in made if not task.done()}
            assert shown is None or 0 < len(shown) < len(made)
            made[2].cancel()
        assert [task.done() for task in made] == [True] * len(made)
        assert made[2].cancelled() and not group._tasks
        with pytest.raises(Exception, match="unhandled errors in a TaskGroup"):
            async with riata.TaskGroup() as group:
                made = [group.create_task(after(100)) for _ in range(10)]
                await asyncio.sleep(0)
                for task in made[::3]:
                    task.cancel()
                group.create_task(boom())
        assert all(task.cancelled() for task in made)

    go(main())


def test_a_plain_group_keeps_no_task(go):
    async def main():
        async with riata.TaskGroup() as group:
            kept = weakref.ref(group.create_task(value(1)))
            await riata.sleep(0.001)
            gc.collect()
            assert kept() is None

    go(main())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, "limit must be at least 1, not 0"),
        ({"on_error": "ignore"}, "on_error must be 'cancel' or 'collect', not \"ignore\""),
        ({"deadline": "soon"}, "deadline must be a loop time in seconds, not 'soon'"),
        ({"size": 3}, "unexpected keyword argument 'size'"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        riata.TaskGroup(**options)


def test_two_cannot_await_one_operation(go):
    async def main():
        lock = riata.Lock()
        await lock.acquire()
        acquiring = lock.acquire()

        async def first():
            return await acquiring

        task = asyncio.create_task(first())
        await riata.sleep(0)
        with pytest.raises(RuntimeError, match="coroutine is being awaited already"):
            await acquiring
        lock.release()
        assert await task is True

    go(main())


def test_a_plain_group_names_the_task_that_failed_and_where_it_was_made(go):
    async def main():
        with pytest.raises(BaseException) as caught:
            async with riata.TaskGroup() as group:
                group.create_task(boom(), name="one")
        (failed,) = caught.value.exceptions
        (note,) = notes(failed)
        assert note.startswith("in task 'one', made in ")
        assert note.endswith(f"main ({__file__}:{main.__code__.co_firstlineno + 3})")

    go(main())


def test_a_group_knows_each_place_that_made_a_task(go):
    async def main():
        def make(name):
            group.create_task(boom(name), name=name)

        with pytest.raises(BaseException) as caught:
            async with riata.TaskGroup(on_error="collect") as group:
                group.create_task(boom("first"), name="first")
                make("second")
                group.create_task(boom("third"), name="third")
        here = main.__code__.co_firstlineno
        assert [notes(error)[0].rsplit(":", 1)[1] for error in caught.value.exceptions] == [
            f"{here + 6})",
            f"{here + 2})",
            f"{here + 8})",
        ]

    go(main())


def test_cancel_ends_a_group_quietly_after_its_deadline_too(go):
    needs_uncancel(go)

    async def main():
        deadline = asyncio.get_running_loop().time() + 0.01
        async with riata.TaskGroup(deadline=deadline) as group:
            group.create_task(slow_to_end(0.02))
            await riata.sleep(0)
            group.cancel()
        assert asyncio.current_task().cancelling() == 0

    go(main())


@pytest.mark.parametrize("when", ["before", "while children end"])
def test_the_reason_of_a_request_from_outside_outlives_that_of_the_group(go, when):
    needs_uncancel(go)

    async def main():
        seen = []

        async def program():
            try:
                async with riata.TaskGroup() as group:
                    group.create_task(slow_to_end(0.01))
                    await riata.sleep(0)
                    if when == "before":
                        asyncio.current_task().cancel("from outside")
                    group.cancel("own")
                    await riata.sleep(60)
            except asyncio.CancelledError as error:
                seen.append(error.args)
                raise

        task = asyncio.create_task(program())
        await riata.sleep(0.005)
        if when != "before":
            task.cancel("from outside")
        await asyncio.wait([task])
        assert task.cancelled()
        assert seen == [("from outside",)]

    if when == "before" and go.loop == "asyncio":
        pytest.skip("asyncio's tasks keep the last message only")
    go(main())


def test_a_request_that_is_made_anew_keeps_its_message(go):
    needs_uncancel(go)
    if not PY313 and go.loop == "asyncio":
        pytest.skip("asyncio's tasks do not forget a request before 3.13, so it is not made anew")

    async def main():
        seen = []

        async def program():
            try:
                async with riata.TaskGroup() as group:
                    group.create_task(fails_when_cancelled())
                    await riata.sleep(60)
            except BaseException as error:
                seen.append(len(error.exceptions))
            await told(seen)

        task = asyncio.create_task(program())
        await riata.sleep(0)
        await riata.sleep(0)
        task.cancel("from outside")
        await asyncio.wait([task])
        assert task.cancelled()
        assert seen == [1, ("from outside",)]

    go(main())


def test_a_subclass_of_a_group_may_be_told_in_its_own_way(go):
    async def main():
        told_of = []

        class Group(riata.TaskGroup):
            def _on_task_done(self, task):
                told_of.append(task)
                super()._on_task_done(task)

        async with Group() as group:
            task = group.create_task(value(1))
        assert told_of == [task]

    go(main())


def test_a_request_that_is_made_where_a_failure_is_seen_keeps_its_message(go):
    async def main():
        async def fail():
            raise ValueError

        async def program():
            with contextlib.suppress(BaseException):
                async with riata.TaskGroup() as group:
                    group.create_task(fail())
                    try:
                        await riata.sleep(60)
                    except asyncio.CancelledError:
                        asyncio.current_task().cancel("outside")
                        raise
            await told(seen)

        seen = []
        await asyncio.wait([asyncio.create_task(program())])
        return seen

    needs_uncancel(go)
    assert go(main()) == [("outside",)]
