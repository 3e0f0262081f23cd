"""`wait`, `as_completed` and `shield`: what they leave behind, and ends that come together."""

import asyncio
import time

import pytest

import riata

from ..support import PY311, PY312, PY313


@pytest.fixture(params=["of the loop", "asyncio's own"])
def new_future(request):
    def make():
        loop = asyncio.get_running_loop()
        return loop.create_future() if request.param == "of the loop" else asyncio.Future(loop=loop)

    return make


def callbacks_of(future):
    return [callback for callback, _ in future._callbacks or ()]


def test_wait_leaves_nothing_with_the_futures(go, new_future):
    async def main():
        futures = [new_future() for _ in range(3)]
        futures[1].add_done_callback(print)
        done, pending = await riata.wait(futures, timeout=0)
        assert (done, pending) == (set(), set(futures))
        assert [callbacks_of(future) for future in futures] == [[], [print], []]
        waiting = asyncio.ensure_future(riata.wait(futures))
        await asyncio.sleep(0)
        assert [len(callbacks_of(future)) for future in futures] == [1, 2, 1]
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert [callbacks_of(future) for future in futures] == [[], [print], []]

    go(main())


def test_the_end_and_the_time_together(go, new_future):
    """The timer is due in the turn in which the wait has been ended already: nothing is set twice."""

    async def main():
        def late():
            future.set_result("result")
            time.sleep(0.02)

        for wait in (riata.wait, lambda futures, timeout: riata.wait_for(futures[0], timeout)):
            future = new_future()
            asyncio.get_running_loop().call_soon(late)
            await wait([future], timeout=0.01)
            await asyncio.sleep(0)
            assert future.result() == "result"

    go(main())


def test_wait_counts(go, new_future):
    async def main():
        async def ends(return_when, *outcomes):
            """How many ends it takes until the wait is over."""
            futures = [new_future() for _ in outcomes]
            waiting = asyncio.ensure_future(riata.wait(futures, return_when=return_when))
            for number, (future, outcome) in enumerate(zip(futures, outcomes, strict=True)):
                for _ in range(4):
                    await asyncio.sleep(0)
                if waiting.done():
                    return number
                if outcome is None:
                    future.cancel()
                elif isinstance(outcome, Exception):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)
            done, pending = await asyncio.wait_for(waiting, 5)
            assert not pending and done == set(futures)
            return len(futures)

        assert await ends(asyncio.FIRST_COMPLETED, 1, 2, 3) == 1
        assert await ends(asyncio.FIRST_EXCEPTION, 1, None, ValueError(), 2) == 3
        assert await ends(asyncio.FIRST_EXCEPTION, 1, None, 2) == 3
        assert await ends(asyncio.ALL_COMPLETED, ValueError(), None, 2) == 3

    with_failures_seen(go, main())


def with_failures_seen(go, coro):
    """Exceptions of futures that only `ALL_COMPLETED` has looked at are reported: not what these tests are about."""

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        await coro

    go(main())


def test_a_shield_that_is_cancelled_leaves_nothing(go, new_future):
    async def main():
        inner = new_future()
        for _ in range(3):
            outer = riata.shield(inner)
            assert outer is not inner
            assert not outer.done() and len(callbacks_of(inner)) >= 1
            outer.cancel("why")
            await asyncio.sleep(0)
            assert not inner.done()
        assert len(callbacks_of(inner)) <= 1  # some releases report its exception
        inner.set_result(1)
        await asyncio.sleep(0)
        assert riata.shield(inner) is inner

    go(main())


def test_a_shield_passes_the_outcome_on(go, new_future):
    async def main():
        inners = [new_future() for _ in range(3)]
        outers = [riata.shield(inner) for inner in inners]
        inners[0].set_result("result")
        inners[1].set_exception(ValueError("failed"))
        inners[2].cancel()
        outcomes = await asyncio.gather(*outers, return_exceptions=True)
        assert outcomes[0] == "result"
        assert repr(outcomes[1]) == "ValueError('failed')"
        assert isinstance(outcomes[2], asyncio.CancelledError)

    go(main())


def test_as_completed(go):
    async def main():
        async def after(turns, outcome):
            for _ in range(turns):
                await riata.sleep(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        seen = []
        for following in riata.as_completed(
            [after(3, "c"), after(1, "a"), after(2, ValueError("b"))]
        ):
            try:
                seen.append(await following)
            except ValueError as error:
                seen.append(str(error))
        assert seen == ["a", "b", "c"]
        never = asyncio.get_running_loop().create_future()
        expected = TimeoutError if PY311 else riata.TimeoutError
        for following in riata.as_completed([never], timeout=0.001):
            with pytest.raises(expected):
                await following
        assert callbacks_of(never) == []
        if PY313:
            task = asyncio.ensure_future(after(1, 1))
            assert [ended async for ended in riata.as_completed([task, task])] == [task]

    go(main())


def a_future():
    return asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    "call",
    [
        lambda names: names.wait([]),
        lambda names: names.wait(iter([])),
        lambda names: names.wait(a_future()),
        lambda names: names.wait([1]),
        lambda names: names.wait(5),
        lambda names: names.wait(),
        lambda names: names.wait([a_future()], 1),
        lambda names: names.wait([a_future()], never=1),
        lambda names: names.wait([a_future()], return_when="never"),
        lambda names: names.wait([a_future()], timeout="soon"),
        lambda names: names.shield(1),
        lambda names: names.shield(),
        lambda names: next(names.as_completed(5)),
        lambda names: next(names.as_completed(a_future())),
    ],
)
def test_wrong_arguments(go, call):
    """The errors are asyncio's, word for word."""

    async def error_of(names):
        with pytest.raises(Exception) as caught:
            await call(names)
        return type(caught.value), str(caught.value)

    async def main():
        assert await error_of(riata) == await error_of(asyncio)

    go(main())


def test_waits_tells_whom_they_wait_for(go):
    async def main():
        slow = asyncio.create_task(riata.sleep(60), name="slow")
        ended = asyncio.create_task(riata.sleep(0), name="ended")
        waiters = [
            asyncio.create_task(riata.wait([slow, ended]), name="waits"),
            asyncio.create_task(shielded(slow), name="shields"),
        ]
        for _ in range(3):
            await riata.sleep(0)
        found = {wait["task"]: (wait["awaits"], wait["held_by"]) for wait in riata.waits()}
        for task in (*waiters, slow):
            task.cancel()
        await riata.wait([*waiters, slow])
        return found

    async def shielded(task):
        await riata.shield(task)

    assert go(main()) == {
        "slow": ("sleep", []),
        "waits": ("wait", ["slow"]),
        "shields": ("shield", ["slow"]),
    }


async def shown(named):
    """What `waits()` shows of coroutines by name, once they all wait, and of those that they have begun."""
    for name, coro in named.items():
        asyncio.create_task(coro, name=name)
    for _ in range(10):
        await riata.sleep(0)
    found = {wait["task"]: wait for wait in riata.waits()}
    begun = asyncio.all_tasks() - {asyncio.current_task()}
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)
    return found


async def named(name):
    """Bear the name, and wait."""
    asyncio.current_task().set_name(name)
    await riata.sleep(60)


async def awaited(awaitable):
    return await awaitable


async def iterated(iterator):
    async for _ in iterator:
        pass


async def nothing():
    pass


@pytest.mark.parametrize(
    ("operation", "wait"),
    [
        ("race", lambda: riata.race(named("a"), named("b"))),
        ("first_success", lambda: riata.first_success(named("a"), named("b"))),
        ("as_completed", lambda: each_as_completed([named("a"), named("b"), nothing()])),
        ("gather", lambda: awaited(riata.gather(named("a"), named("b")))),
    ],
)
def test_waits_tells_which_tasks_a_pattern_waits_for(go, operation, wait):
    async def main():
        found = (await shown({"waiter": wait()}))["waiter"]
        return found["awaits"], found["held_by"]

    assert go(main()) == (operation, ["a", "b"])


async def each_as_completed(awaitables):
    for following in riata.as_completed(awaitables):
        await following


@pytest.mark.skipif(not PY313, reason="as_completed is no async iterator before 3.13")
def test_waits_tells_whom_an_iteration_waits_for(go):
    async def main():
        ends = riata.as_completed([named("a"), named("b")])
        found = (await shown({"waiter": iterated(ends)}))["waiter"]
        return found["awaits"], found["held_by"]

    assert go(main()) == ("as_completed", ["a", "b"])


@pytest.mark.parametrize("ordered", [True, False])
def test_waits_shows_no_ring_where_map_waits_for_its_calls(go, ordered):
    async def main():
        results = riata.map(named, "abcd", limit=2, ordered=ordered)
        found = await shown({"waiter": iterated(results)})
        (source,) = set(found) - {"waiter", "a", "b"}
        assert found["waiter"]["held_by"] == sorted(["a", "b", source])
        assert (found[source]["awaits"], found[source]["held_by"]) == ("map", ["a", "b"])

    go(main())


def test_waits_tells_whom_gather_with_a_limit_waits_for(go):
    async def main():
        found = await shown({"waiter": awaited(riata.gather(named("a"), named("b"), limit=2))})
        (gathering,) = found["waiter"]["held_by"]
        assert (found[gathering]["awaits"], found[gathering]["held_by"]) == ("gather", ["a", "b"])

    go(main())


def test_waits_tells_what_is_waited_for(go):
    async def main():
        barrier, future = riata.Barrier(2), a_future()
        lock = riata.Lock()
        await lock.acquire()
        asyncio.current_task().set_name("main")

        async def generate():
            async with lock:
                yield

        found = await shown(
            {
                "barrier": barrier.wait(),
                "block": in_block(riata.Barrier(2)),
                "futures": riata.wait([future]),
                "many": riata.wait([a_future() for _ in range(5)]),
                "shield": awaited(riata.shield(future)),
                "future": awaited(future),
                "wait_for": riata.wait_for(future, 60),
                "generator": iterated(generate()),
                "asyncio's": awaited(asyncio.shield(future)),
            }
        )
        return {
            name: (wait["awaits"], wait["on"].partition(" ")[0], wait["held_by"])
            for name, wait in found.items()
        } | {"how many": found["many"]["on"].count("<")}

    async def in_block(barrier):
        async with barrier:
            pass

    assert go(main()) == {
        "barrier": ("Barrier.wait", "<riata.Barrier", []),
        "block": ("Barrier.wait", "<riata.Barrier", []),
        "futures": ("wait", "<Future", []),
        "many": ("wait", "<Future", []),
        "shield": ("shield", "<Future", []),
        "future": ("Future", "<Future", []),
        "wait_for": ("wait_for", "<Future", []),
        "generator": ("Lock.__aenter__", "<riata.Lock", ["main"]),
        "asyncio's": ("shield", "<Future", []),
        "how many": 3,
    }


@pytest.mark.parametrize(
    "wait",
    [
        lambda future: riata.wait([future]),
        lambda future: riata.wait_for(future, 60),
        lambda future: awaited(riata.gather(future)),
        lambda future: awaited(riata.shield(future)),
    ],
)
@pytest.mark.parametrize(
    "stand_for", [riata.gather, riata.shield, lambda task: riata.gather(riata.shield(task))]
)
def test_waits_tells_which_tasks_a_future_stands_for(go, wait, stand_for):
    async def main():
        other = asyncio.create_task(named("other"))
        future = stand_for(other)
        future.add_done_callback(lambda future: future.cancelled() or future.exception())
        found = await shown({"waiter": wait(future)})
        return found["waiter"]["held_by"]

    assert go(main()) == ["other"]


def test_waits_tells_who_has_taken_a_lock_in_time(go):
    async def main():
        lock = riata.Lock()

        async def hold():
            await riata.wait_for(lock.acquire(), 60)
            await riata.sleep(60)

        asyncio.create_task(hold(), name="holder")
        for _ in range(3):
            await riata.sleep(0)
        found = await shown({"waiter": lock.acquire()})
        return found["waiter"]["held_by"]

    assert go(main()) == ["holder"]


def test_waits_shows_no_holder_that_has_ended(go):
    async def main():
        semaphore = riata.Semaphore(1)
        ended = asyncio.create_task(awaited(semaphore.acquire()))
        await ended
        found = await shown({"waiter": semaphore.acquire()})
        assert ended.done()
        return found["waiter"]["held_by"]

    assert go(main()) == []


@pytest.mark.skipif(not PY312, reason="wait_for begins a task before 3.12")
def test_waits_looks_through_wait_for(go):
    async def main():
        other = asyncio.create_task(named("other"))
        found = await shown({"waiter": riata.wait_for(awaited(other), 60)})
        return found["waiter"]["awaits"], found["waiter"]["held_by"]

    assert go(main()) == ("Task", ["other"])


class Unprintable:
    def __repr__(self):
        raise ValueError


class Duck(asyncio.Future):
    _asyncio_future_blocking = False

    def __await__(self):
        self._asyncio_future_blocking = True
        yield self


def a_future_with(**attributes):
    return type("Odd", (Duck,), attributes)(loop=asyncio.get_running_loop())


@pytest.mark.parametrize(
    ("wait", "awaits"),
    [
        (lambda: full_of(Unprintable()).put(1), "Queue.put"),
        (lambda: riata.wait([a_future_with(__repr__=Unprintable.__repr__)]), "wait"),
        (lambda: awaited(a_future_with(_callbacks=[print])), "Odd"),
        (lambda: awaited(a_future_with(_callbacks=property(lambda _: 1 / 0))), "Odd"),
        (lambda: awaited(a_future_with(_children=7)), "Odd"),
        (lambda: awaited(a_future_with(__repr__=Unprintable.__repr__)), "Odd"),
    ],
)
def test_waits_shows_what_it_can_of_odd_objects(go, wait, awaits):
    async def main():
        found = await shown({"odd": wait(), "plain": riata.sleep(60)})
        assert found["plain"]["awaits"] == "sleep"
        return found["odd"]["awaits"], found["odd"]["on"]

    shown_as, on = go(main())
    assert shown_as == awaits
    assert isinstance(on, str) and on


def full_of(item):
    queue = riata.Queue(1)
    queue.put_nowait(item)
    return queue


def test_waits_tells_what_it_can_of_asyncios_classes(go):
    async def main():
        other = asyncio.create_task(named("other"))
        lock, queue = asyncio.Lock(), asyncio.Queue()
        await lock.acquire()
        found = await shown(
            {
                "lock": lock.acquire(),
                "queue": queue.get(),
                "sleep": asyncio.sleep(60),
                "wait": asyncio.wait([other]),
                "wait_for": asyncio.wait_for(other, 60),
            }
        )
        return {name: (wait["awaits"], wait["held_by"]) for name, wait in found.items()}

    assert go(main()) == {
        "lock": ("Lock.acquire", []),
        "other": ("sleep", []),
        "queue": ("Queue.get", []),
        "sleep": ("sleep", []),
        "wait": ("wait", ["other"]),
        "wait_for": ("wait_for", ["other"]),
    }


def test_waits_leaves_what_has_not_begun_alone(go):
    async def main():
        futures = iter([asyncio.ensure_future(nothing())])
        task = asyncio.create_task(riata.wait(futures))
        assert riata.waits() == []
        done, _ = await task
        assert len(done) == 1

    go(main())
