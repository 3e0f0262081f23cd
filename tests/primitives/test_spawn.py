"""`TaskGroup(limit=)` and `spawn`: who waits for a place, who gets it, who is refused."""

import asyncio
import gc

import pytest

import riata

from .shared import Crowd, boom, needs_uncancel, value


def test_spawn_waits_for_a_slot(go):
    async def main():
        crowd = Crowd()
        async with riata.TaskGroup(limit=3) as group:
            tasks = [
                await group.spawn(crowd.work(number), name=f"w{number}") for number in range(20)
            ]
        assert crowd.most == 3
        assert [task.get_name() for task in tasks] == [f"w{number}" for number in range(20)]
        assert group.results() == list(range(20))

    go(main())


def test_create_task_never_blocks_and_takes_a_slot(go):
    async def main():
        order = []

        async def work(name):
            order.append(name)
            await riata.sleep(0.001)

        async with riata.TaskGroup(limit=1) as group:
            group.create_task(work("a"))
            group.create_task(work("b"))
            await group.spawn(work("c"))
            order.append("spawned")
        return order

    assert go(main()) == ["a", "b", "spawned", "c"]


def test_spawn_that_is_cancelled_closes_its_coroutine(go):
    async def main():
        never = value("never")
        async with riata.TaskGroup(limit=1) as group:
            group.create_task(value(1, 0.01))
            spawning = asyncio.create_task(group.spawn(never))
            await riata.sleep(0)
            assert not spawning.done()
            spawning.cancel("why")
            with pytest.raises(asyncio.CancelledError):
                await spawning
            assert never.cr_frame is None
            assert await (await group.spawn(value("next"))) == "next"

    go(main())


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("ends", [0, 0.01])
def test_all_who_wait_to_spawn_are_refused_by_a_group_that_is_over(go, recwarn, limit, ends):
    async def main():
        group = riata.TaskGroup(limit=limit)
        async with group:
            for _ in range(limit):
                await group.spawn(riata.sleep(0.001))
            waiting = [
                asyncio.create_task(group.spawn(value(number))) for number in range(3 * limit)
            ]
            await riata.sleep(ends)
        done, pending = await asyncio.wait(waiting, timeout=5)
        assert pending == set()
        if not ends:
            for task in done:
                assert str(task.exception()).endswith("is finished")

    go(main())
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


def test_spawn_that_fails_gives_its_place_to_the_next(go):
    async def main():
        async with riata.TaskGroup(limit=1) as group:

            async def spawn(coro):
                return await group.spawn(coro)

            spawning = asyncio.gather(
                spawn(riata.sleep(0.001)), spawn(value), spawn(value(3)), return_exceptions=True
            )
            done, _ = await asyncio.wait([spawning], timeout=5)
            assert done
            _, error, third = spawning.result()
            assert isinstance(error, TypeError)
            assert await third == 3

    go(main())


def test_spawn_into_a_group_that_fails(go):
    async def main():
        late = value("late")
        with pytest.raises(BaseException) as caught:
            async with riata.TaskGroup(limit=1) as group:
                group.create_task(boom())
                await group.spawn(late)
        assert [str(error) for error in caught.value.exceptions] == ["boom"]
        assert late.cr_frame is None

    needs_uncancel(go)
    go(main())


def test_spawn_serves_in_turn(go):
    async def main():
        order = []

        async def work(name):
            order.append(name)
            await riata.sleep(0.001)

        async def spawn(group, name):
            await group.spawn(work(name))

        async with riata.TaskGroup(limit=1) as group:
            await group.spawn(work("first"))
            waiting = [asyncio.create_task(spawn(group, number)) for number in range(3)]
            while len(group._tasks):
                await riata.sleep(0)
            await group.spawn(work("newcomer"))
            await asyncio.wait(waiting)
        return order

    assert go(main()) == ["first", 0, 1, 2, "newcomer"]
