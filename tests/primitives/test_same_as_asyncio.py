"""The same scenario on asyncio's primitives and on riata's: what needs a rare order of steps, which random programs hardly draw.

Where it matters when a cancellation comes, it comes in every turn of the loop once.
"""

import asyncio

import pytest

from ..support import PY311, PY313, agreement

needs_sound_groups = pytest.mark.skipif(
    not PY313,
    reason="asyncio has no TaskGroup before 3.11, and before 3.13 one that miscounts requests to cancel",
)
TURNS = range(9)


async def turns(names, count=8):
    for _ in range(count):
        await names.sleep(0)


async def settle(names, log, label, tasks):
    """Let what can end do so, and log how far each is."""
    await turns(names)
    for number, task in enumerate(tasks):
        if not task.done():
            log(label, number, "pending")
        elif task.cancelled():
            try:
                await task
            except asyncio.CancelledError as error:
                log(label, number, "cancelled", error.args)
        else:
            log(label, number, task.exception() or task.result())


async def stop(names, tasks):
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def exactly(names, kind):
    return getattr(names, kind)


def derived(names, kind):
    """A subclass, whose methods may be replaced: riata asks it through them."""
    return type("Own", (getattr(names, kind),), {})


both = pytest.mark.parametrize("class_of", [exactly, derived])


# Queues


@both
@pytest.mark.parametrize("kind", ["Queue", "PriorityQueue"])
def test_a_putter_that_is_cancelled_after_room_was_made_lets_the_next_one_put(kind, class_of):
    async def scenario(loop, log, names):
        for room in (1, 2):
            queue = class_of(names, kind)(2)
            queue.put_nowait(0)
            queue.put_nowait(1)
            putters = [loop.create_task(queue.put(number)) for number in (2, 3, 4)]
            await turns(names)
            for _ in range(room):
                log(queue.get_nowait())
            putters[0].cancel("why")
            await settle(names, log, room, putters)
            log(queue.qsize(), queue.full())
            await stop(names, putters)

    agreement(scenario)


@both
@pytest.mark.parametrize("kind", ["Queue", "PriorityQueue"])
def test_a_getter_that_is_cancelled_after_an_item_came_lets_the_next_one_get(kind, class_of):
    async def scenario(loop, log, names):
        for items in (1, 2):
            queue = class_of(names, kind)()
            getters = [loop.create_task(queue.get()) for _ in range(3)]
            await turns(names)
            for item in range(items):
                queue.put_nowait(item)
            getters[0].cancel("why")
            await settle(names, log, items, getters)
            log(queue.qsize())
            await stop(names, getters)

    agreement(scenario)


@both
def test_waiters_that_are_cancelled_before_their_turn_are_passed_over(class_of):
    async def scenario(loop, log, names):
        full, empty = class_of(names, "Queue")(1), class_of(names, "Queue")()
        full.put_nowait("first")
        putters = [loop.create_task(full.put(number)) for number in range(3)]
        getters = [loop.create_task(empty.get()) for _ in range(3)]
        await turns(names)
        # In this turn they are cancelled, and have not heard of it yet.
        putters[0].cancel()
        getters[0].cancel()
        full.get_nowait()
        empty.put_nowait("item")
        await settle(names, log, "putter", putters)
        await settle(names, log, "getter", getters)
        await stop(names, [*putters, *getters])

    agreement(scenario)


@both
def test_all_who_join_a_queue_go_on_at_the_last_task_done(class_of):
    async def scenario(loop, log, names):
        queue = class_of(names, "Queue")()
        queue.put_nowait(1)
        queue.put_nowait(2)
        joiners = [loop.create_task(queue.join()) for _ in range(3)]
        queue.get_nowait()
        queue.task_done()
        await settle(names, log, "one is left", joiners)
        joiners[1].cancel("why")
        queue.task_done()
        await settle(names, log, "none is left", joiners)
        await queue.join()
        with pytest.raises(ValueError):
            queue.task_done()
        await stop(names, joiners)

    agreement(scenario)


@both
@pytest.mark.skipif(not PY313, reason="asyncio has no Queue.shutdown before 3.13")
@pytest.mark.parametrize("immediate", [False, True])
def test_shutdown_tells_everybody_who_waits(immediate, class_of):
    async def scenario(loop, log, names):
        for taken in range(3):
            queue = class_of(names, "Queue")(2)
            empty = class_of(names, "Queue")()
            queue.put_nowait(1)
            queue.put_nowait(2)
            waiting = [loop.create_task(queue.put(number)) for number in (3, 4, 5)]
            waiting += [loop.create_task(queue.join()) for _ in range(2)]
            waiting += [loop.create_task(empty.get()) for _ in range(2)]
            await turns(names)
            for _ in range(taken):
                queue.get_nowait()
            queue.shutdown(immediate)
            empty.shutdown(immediate)
            await settle(names, log, taken, waiting)
            log(queue.qsize(), repr(queue).split(" ", 3)[3:])
            for _ in range(3):
                log.attempt("task_done", queue.task_done)
            log.attempt("get", queue.get_nowait)
            log.attempt("put", queue.put_nowait, 6)
            await settle(names, log, taken, waiting)
            await stop(names, waiting)

    agreement(scenario)


# Locks


@pytest.mark.parametrize("turn", TURNS)
def test_a_lock_is_handed_on_in_turn_whoever_is_cancelled(turn):
    async def scenario(loop, log, names):
        async def use(lock, number):
            async with lock:
                log(number, "has it")
                await names.sleep(0)
            # It is free, and somebody waits: who has just had it does not get it before them.
            async with lock:
                log(number, "has it again")

        for victim in range(4):
            lock = names.Lock()
            tasks = [loop.create_task(use(lock, number)) for number in range(4)]
            await turns(names, turn)
            tasks[victim].cancel("why")
            await turns(names, 20)
            await settle(names, log, victim, tasks)
            log(lock.locked())

    agreement(scenario)


def test_a_lock_that_was_released_for_somebody_is_not_taken_by_another():
    async def scenario(loop, log, names):
        lock = names.Lock()
        await lock.acquire()
        waiting = loop.create_task(lock.acquire())
        await turns(names)
        lock.release()
        late = loop.create_task(lock.acquire())
        log(lock.locked())
        await settle(names, log, "acquire", [waiting, late])
        lock.release()
        await settle(names, log, "acquire", [waiting, late])

        # The same, and whom it was released for is cancelled.
        lock = names.Lock()
        await lock.acquire()
        waiting = [loop.create_task(lock.acquire()) for _ in range(3)]
        await turns(names)
        lock.release()
        waiting[0].cancel()
        await settle(names, log, "acquire", waiting)
        await stop(names, waiting)

    agreement(scenario)


@pytest.mark.parametrize("kind", ["Semaphore", "BoundedSemaphore"])
@pytest.mark.parametrize("turn", TURNS)
def test_a_semaphore_is_handed_on_in_turn_whoever_is_cancelled(turn, kind):
    async def scenario(loop, log, names):
        async def use(semaphore, number):
            async with semaphore:
                log(number, "has it")
                await names.sleep(0)
            async with semaphore:
                log(number, "has it again")

        for victims in ([0], [2], [3], [2, 3], [1, 4]):
            semaphore = getattr(names, kind)(2)
            tasks = [loop.create_task(use(semaphore, number)) for number in range(5)]
            await turns(names, turn)
            for victim in victims:
                tasks[victim].cancel("why")
            await turns(names, 20)
            await settle(names, log, victims, tasks)
            log(semaphore.locked(), semaphore._value)

    agreement(scenario)


def test_several_releases_of_a_semaphore_wake_as_many():
    async def scenario(loop, log, names):
        for releases in (1, 2, 3):
            for victim in range(3):
                semaphore = names.Semaphore(0)
                waiting = [loop.create_task(semaphore.acquire()) for _ in range(4)]
                await turns(names)
                for _ in range(releases):
                    semaphore.release()
                late = loop.create_task(semaphore.acquire())
                waiting[victim].cancel()
                await settle(names, log, (releases, victim), [*waiting, late])
                log(semaphore._value, semaphore.locked())
                await stop(names, [*waiting, late])

    agreement(scenario)


def test_an_event_wakes_all_even_if_it_is_cleared_at_once():
    async def scenario(loop, log, names):
        event = names.Event()
        waiting = [loop.create_task(event.wait()) for _ in range(4)]
        await turns(names)
        waiting[1].cancel()
        event.set()
        waiting[2].cancel("why")
        event.clear()
        late = loop.create_task(event.wait())
        await settle(names, log, "wait", [*waiting, late])
        log(event.is_set())
        await stop(names, [*waiting, late])

    agreement(scenario)


@pytest.mark.skipif(
    not PY313,
    reason="asyncio's Condition.wait that is cancelled keeps its notification before 3.13",
)
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("again", [None, 1, 2])
def test_a_condition_that_is_cancelled_has_its_lock_and_passes_the_notification_on(turn, again):
    async def scenario(loop, log, names):
        async def wait(condition, number):
            async with condition:
                try:
                    return await condition.wait()
                except asyncio.CancelledError as error:
                    log(number, "cancelled", error.args, condition.locked())
                    raise
                finally:
                    log(number, "leaves", condition.locked())

        async def notify(condition, count):
            async with condition:
                condition.notify(count)
                # It keeps the lock: those that were notified wait for that now.
                await turns(names, 4)

        for notified in (1, 2):
            condition = names.Condition()
            tasks = [loop.create_task(wait(condition, number)) for number in range(3)]
            await turns(names, 2)
            tasks.append(loop.create_task(notify(condition, notified)))
            await turns(names, turn)
            tasks[0].cancel("first")
            if again is not None:
                await turns(names, again)
                tasks[0].cancel("second")
            await settle(names, log, notified, tasks)
            log(condition.locked())
            await stop(names, tasks)

    agreement(scenario)


@pytest.mark.skipif(not PY311, reason="asyncio has no Barrier before 3.11")
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("then", ["cancel", "reset", "abort", "cancel and reset"])
def test_a_barrier_that_somebody_leaves(turn, then):
    async def scenario(loop, log, names):
        async def come(barrier, number):
            await turns(names, number)
            place = await barrier.wait()
            log(number, "goes on as", place, barrier.n_waiting)
            return place

        for parties in (2, 3):
            barrier = names.Barrier(parties)
            tasks = [loop.create_task(come(barrier, number)) for number in range(5)]
            await turns(names, turn)
            if "cancel" in then:
                tasks[1].cancel()
            if "reset" in then:
                await barrier.reset()
            if then == "abort":
                await barrier.abort()
            log(barrier.broken, barrier.n_waiting)
            await turns(names, 20)
            await settle(names, log, parties, tasks)
            log(barrier.broken, barrier.n_waiting)
            # Those that are left, and as many more as are needed.
            missing = range(barrier.n_waiting, parties)
            more = [loop.create_task(come(barrier, number)) for number in missing]
            await turns(names, 20)
            await settle(names, log, "more", [*tasks, *more])
            await stop(names, [*tasks, *more])

    agreement(scenario)


# Scopes


async def slow_to_end(names, count):
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        await turns(names, count)


async def boom(names, count):
    await turns(names, count)
    raise ValueError("boom")


@needs_sound_groups
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("requests", [1, 2])
@pytest.mark.parametrize("body", ["ends", "waits", "fails", "is slow", "has two that fail"])
def test_the_parent_of_a_group_that_fails_is_cancelled(turn, requests, body):
    """The request is neither lost nor made twice, whether it comes before, while or after the group ends its children."""

    async def scenario(loop, log, names):
        async def parent():
            task = asyncio.current_task()
            try:
                async with names.TaskGroup() as group:
                    group.create_task(slow_to_end(names, 3))
                    group.create_task(boom(names, 1))
                    if body == "waits":
                        await turns(names, 20)
                    elif body == "fails":
                        await names.sleep(0)
                        raise KeyError("body")
                    elif body == "has two that fail":
                        group.create_task(boom(names, 1))
                    elif body == "is slow":
                        await slow_to_end(names, 2)
            except BaseException as error:
                log("left with", error, task.cancelling())
            try:
                await turns(names, 3)
            except asyncio.CancelledError as error:
                log("cancelled", error.args, task.cancelling())
            log("then", task.cancelling())
            await turns(names, 2)
            return task.uncancel()

        task = loop.create_task(parent())
        await turns(names, turn)
        for _ in range(requests):
            task.cancel()  # a message is kept here, and lost there
        await turns(names, 30)
        await settle(names, log, "parent", [task])

    agreement(scenario)


@needs_sound_groups
@pytest.mark.parametrize("turn", TURNS)
def test_a_group_in_a_group_and_a_request_from_outside(turn):
    async def scenario(loop, log, names):
        async def parent():
            task = asyncio.current_task()
            try:
                async with names.TaskGroup() as outer:
                    outer.create_task(slow_to_end(names, 1))
                    outer.create_task(boom(names, 3))
                    try:
                        async with names.TaskGroup() as inner:
                            inner.create_task(slow_to_end(names, 4))
                            inner.create_task(boom(names, 2))
                            await turns(names, 9)
                    except BaseException as error:
                        log("inner", error, task.cancelling())
                        await names.sleep(0)
                        raise
            except BaseException as error:
                log("outer", error, task.cancelling())
                await names.sleep(0)
            return task.cancelling()

        task = loop.create_task(parent())
        await turns(names, turn)
        task.cancel()  # a message is kept here, and lost there
        await turns(names, 30)
        await settle(names, log, "parent", [task])

    agreement(scenario)


@pytest.mark.skipif(not PY311, reason="asyncio has no timeout before 3.11")
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("before", [0, 1])
def test_a_timeout_and_a_request_from_outside(turn, before):
    """Which came first, and how many requests there were before: the timeout takes back its own alone."""

    async def scenario(loop, log, names):
        async def limited(delay, slow):
            task = asyncio.current_task()
            for _ in range(before):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await names.sleep(0)
            for _ in range(2):
                scope = names.timeout(delay)
                try:
                    await names.sleep(0)
                    async with scope:
                        await slow_to_end(names, slow)
                except (TimeoutError, asyncio.CancelledError) as error:
                    log(slow, error, task.cancelling(), scope.expired())
            return task.cancelling()

        for slow in (0, 2):
            for delay in (0, -1):
                task = loop.create_task(limited(delay, slow))
                await turns(names, turn)
                task.cancel("from outside")
                await turns(names, 30)
                await settle(names, log, "limited", [task])

    agreement(scenario)


@pytest.mark.skipif(not PY311, reason="asyncio has no timeout before 3.11")
def test_timeouts_that_nest_and_expire_together():
    async def scenario(loop, log, names):
        task = asyncio.current_task()
        for outer_delay, inner_delay in [(0, 0), (-1, 0), (0, 60), (60, 0), (None, 0)]:
            outer = inner = None
            try:
                async with names.timeout(outer_delay) as outer:
                    try:
                        async with names.timeout(inner_delay) as inner:
                            await slow_to_end(names, 3)
                    except TimeoutError:
                        log("inner", task.cancelling())
                        await names.sleep(0)
            except TimeoutError:
                log("outer", task.cancelling())
            log(outer.expired(), inner and inner.expired(), task.cancelling())

    agreement(scenario)


@pytest.mark.parametrize("turn", TURNS)
def test_wait_for_and_a_request_from_outside(turn):
    async def scenario(loop, log, names):
        async def work(takes, slow):
            log("begins")
            try:
                await turns(names, takes)
                return "result"
            except asyncio.CancelledError:
                if slow is None:
                    return "not cancelled"
                await turns(names, slow)
                raise

        async def wait(seconds, takes, slow):
            try:
                return await names.wait_for(work(takes, slow), seconds)
            except (TimeoutError, asyncio.TimeoutError) as error:
                # Two classes up to 3.10.
                log("TimeoutError", error.args)

        for seconds in (60, None, 0, -1):
            for takes in (0, 1, 3):
                for slow in (0, 2, None):
                    task = loop.create_task(wait(seconds, takes, slow))
                    await turns(names, turn)
                    task.cancel("from outside")
                    await turns(names, 20)
                    await settle(names, log, (seconds, takes, slow), [task])

    agreement(scenario)


def test_wait_for_a_future_that_ends_in_the_turn_of_the_cancellation():
    async def scenario(loop, log, names):
        for seconds in (60, None):
            for first in ("result", "cancel"):
                future = loop.create_future()
                task = loop.create_task(names.wait_for(future, seconds))
                await turns(names)
                for what in (first, "result" if first == "cancel" else "cancel"):
                    if what == "cancel":
                        task.cancel("why")
                    elif not future.done():
                        future.set_result("result")
                await settle(names, log, (seconds, first), [task])
                log(future.cancelled())

    agreement(scenario)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("return_exceptions", [False, True])
def test_gather_that_is_cancelled(turn, return_exceptions):
    async def scenario(loop, log, names):
        async def child(number, takes, stubborn):
            try:
                await turns(names, takes)
                return number
            except asyncio.CancelledError as error:
                log(number, "cancelled", error.args)
                if stubborn:
                    return "stubborn"
                raise

        async def gather(stubborn):
            children = [child(number, number * 2, number in stubborn) for number in range(4)]
            return await names.gather(*children, return_exceptions=return_exceptions)

        for stubborn in ((), (1,), (3,), (0, 1, 2, 3)):
            task = loop.create_task(gather(stubborn))
            await turns(names, turn)
            task.cancel("why")
            await turns(names, 20)
            await settle(names, log, stubborn, [task])

    agreement(scenario)


def test_gather_that_is_cancelled_by_its_last_child():
    """Its message is that of the last argument, which has ended before."""

    async def scenario(loop, log, names):
        async def cancelling():
            await names.sleep(0)
            group.cancel("why")

        async def ends():
            pass

        for last in (ends(), names.sleep(0), loop.create_task(ends())):
            group = names.gather(cancelling(), last, return_exceptions=True)
            try:
                await group
            except asyncio.CancelledError as error:
                log("cancelled", error.args)

    agreement(scenario)
