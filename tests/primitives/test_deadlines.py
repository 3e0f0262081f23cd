"""`time_left`, and the notes on a TimeoutError: which deadline, where it was set, what was awaited."""

import asyncio
import contextlib

import pytest

import riata

from ..support import PY312
from .shared import needs_uncancel, told


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


def test_the_note_of_a_timeout_inside_a_generator_or_a_stack(go):
    @contextlib.asynccontextmanager
    async def limited():
        async with riata.timeout(0.002):
            yield

    async def generate():
        async with riata.timeout(0.002):
            yield
            await riata.sleep(60)

    async def stacked():
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(riata.timeout(0.002))
            await riata.sleep(60)

    async def within_a_context_manager():
        async with limited():
            await riata.sleep(60)

    async def over_a_generator():
        async for _ in generate():
            pass

    async def main():
        for program, name in [
            (stacked, "stacked"),
            (within_a_context_manager, "limited"),
            (over_a_generator, "generate"),
        ]:
            with pytest.raises(riata.TimeoutError) as caught:
                await program()
            (note,) = caught.value.__notes__
            place = note.split(", set in ")[1].split(", has passed")[0]
            assert f"{name} ({__file__}:" in place

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


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        (lambda task: riata.wait_for(task, 60), "task 'job'"),
        (lambda task: awaited(task), "task 'job'"),
        (lambda task: riata.wait([task]), "wait of task 'job'"),
        (lambda task: awaited(riata.shield(task)), "shield of task 'job'"),
        (lambda task: awaited(riata.gather(task)), "gather of task 'job'"),
        (lambda task: Unprintable().put(1), "Queue.put of <Unprintable object at "),
    ],
)
def test_the_note_tells_what_was_awaited(go, wait, text):
    async def main():
        task = asyncio.create_task(riata.sleep(60), name="job")
        with pytest.raises(riata.TimeoutError) as caught:
            async with riata.timeout(0.002):
                await wait(task)
        task.cancel()
        (note,) = caught.value.__notes__
        assert "main (" in note.split(", has passed")[0]
        assert f" while awaiting {text}" in note

    needs_uncancel(go)
    go(main())


async def awaited(awaitable):
    return await awaitable


class Unprintable(riata.Queue):
    def __init__(self):
        super().__init__(1)
        self.put_nowait(0)

    def __repr__(self):
        raise ValueError
