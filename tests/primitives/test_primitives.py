"""asyncio's own primitives on the loop: the same scenario on asyncio's loop and on the one under test."""

import asyncio
import random

import pytest

from ..support import PY311, PY313, differential


async def value(result, turns=0):
    for _ in range(turns):
        await asyncio.sleep(0)
    return result


async def boom(turns=0, text="boom"):
    for _ in range(turns):
        await asyncio.sleep(0)
    raise ValueError(text)


async def settled(log, awaitable, label=""):
    """Await, and log the outcome."""
    try:
        log(label, "result", await awaitable)
    except asyncio.CancelledError as error:
        log(label, "cancelled", error.args)
    except BaseException as error:
        log(label, "raised", error)


def test_gather():
    async def scenario(loop, log):
        log(await asyncio.gather())
        log(await asyncio.gather(value(1, 3), value(2), value(3, 1)))
        shared = asyncio.ensure_future(value("shared", 2))
        log(await asyncio.gather(shared, shared, value(1)))
        await settled(log, asyncio.gather(value(1, 5), boom(2), boom(3, "second")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        log(await asyncio.gather(value(1, 2), boom(1), value(3), return_exceptions=True))
        future = loop.create_future()
        child = asyncio.ensure_future(value(1, 10))
        group = asyncio.gather(future, child)
        await asyncio.sleep(0)
        group.cancel("why")
        await settled(log, group)
        log(future.cancelled(), child.cancelled())
        child = asyncio.ensure_future(value(1, 10))
        group = asyncio.gather(child, value(2))
        await asyncio.sleep(0)
        child.cancel()
        await settled(log, group)
        child = asyncio.ensure_future(value(1, 10))
        group = asyncio.gather(child, value(2), return_exceptions=True)
        await asyncio.sleep(0)
        child.cancel()
        await settled(log, group)
        log(repr(asyncio.gather(value(1))).split("(")[0])
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    differential(scenario)


def test_gather_of_many():
    async def scenario(loop, log):
        log(await asyncio.gather(*[value(i, i % 7) for i in range(2000)]))

    differential(scenario)


def test_wait():
    async def scenario(loop, log):
        def tasks():
            return [
                asyncio.ensure_future(value("a", 3)),
                asyncio.ensure_future(boom(1)),
                asyncio.ensure_future(value("c", 6)),
            ]

        for when in (asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION, asyncio.ALL_COMPLETED):
            made = tasks()
            done, pending = await asyncio.wait(made, return_when=when)
            log(when, [t in done for t in made], [t in pending for t in made])
            await asyncio.wait(made)
            made[1].exception()
        future = loop.create_future()
        done, pending = await asyncio.wait([future], timeout=0.001)
        log(len(done), len(pending))
        done, pending = await asyncio.wait([future], timeout=0)
        log(len(done), len(pending))
        waiting = asyncio.ensure_future(asyncio.wait([future]))
        await asyncio.sleep(0)
        waiting.cancel()
        await settled(log, waiting)
        log(future.cancelled())
        for bad in ([], 5, future):
            await settled(log, asyncio.wait(bad))
        await settled(log, asyncio.wait([future], return_when="x"))

    differential(scenario)


def test_wait_for():
    async def scenario(loop, log):
        await settled(log, asyncio.wait_for(value(1, 2), 5))
        await settled(log, asyncio.wait_for(value(1, 2), None))
        await settled(log, asyncio.wait_for(boom(1), 5))
        await settled(log, asyncio.wait_for(loop.create_future(), 0.001))
        await settled(log, asyncio.wait_for(loop.create_future(), 0))
        await settled(log, asyncio.wait_for(loop.create_future(), -1))
        done = loop.create_future()
        done.set_result("done")
        await settled(log, asyncio.wait_for(done, 0))

        async def stubborn():
            try:
                await loop.create_future()
            except asyncio.CancelledError:
                return "stubborn"

        await settled(log, asyncio.wait_for(stubborn(), 0.001), "stubborn")

        async def breaks():
            try:
                await loop.create_future()
            finally:
                raise ZeroDivisionError("while cancelled")

        await settled(log, asyncio.wait_for(breaks(), 0.001), "breaks")
        inner = loop.create_future()
        outer = asyncio.ensure_future(asyncio.wait_for(inner, 5))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        outer.cancel("why")
        await settled(log, outer)
        log(inner.cancelled())

    differential(scenario)


def test_shield():
    async def scenario(loop, log):
        inner = asyncio.ensure_future(value("inner", 4))
        outer = asyncio.ensure_future(settled(log, asyncio.shield(inner), "outer"))
        await asyncio.sleep(0)
        outer.cancel()
        await outer
        log(await inner)
        await settled(log, asyncio.shield(value(5)))
        await settled(log, asyncio.shield(boom()))
        failing = asyncio.ensure_future(boom(3))
        outer = asyncio.shield(failing)
        outer.cancel()
        await settled(log, outer)
        for _ in range(6):
            await asyncio.sleep(0)
        inner = loop.create_future()
        outer = asyncio.shield(inner)
        inner.cancel()
        await settled(log, outer)

    differential(scenario)


def test_as_completed():
    async def scenario(loop, log):
        for one in asyncio.as_completed([value("slow", 9), value("fast"), value("middle", 4)]):
            log(await one)
        for one in asyncio.as_completed([loop.create_future(), value(1)], timeout=0.005):
            await settled(log, one)
        if PY313:
            tasks = [asyncio.ensure_future(value(i, 5 - i)) for i in range(4)]
            async for task in asyncio.as_completed(tasks):
                log(tasks.index(task), task.result())

    differential(scenario)


@pytest.mark.skipif(not PY311, reason="asyncio has no timeout before 3.11")
def test_timeout():
    async def scenario(loop, log):
        async def limited(seconds, body):
            async with asyncio.timeout(seconds) as scope:
                await body
            log("expired", scope.expired())

        await settled(log, limited(5, value(1, 2)))
        await settled(log, limited(None, value(1, 2)))
        await settled(log, limited(0.001, loop.create_future()))
        await settled(log, limited(0, loop.create_future()))
        await settled(log, limited(-1, value(1, 3)))
        await settled(log, limited(5, boom(1)))

        async def nested():
            try:
                async with asyncio.timeout(0.001):
                    async with asyncio.timeout(5):
                        await loop.create_future()
            except TimeoutError:
                log("outer", asyncio.current_task().cancelling())
            try:
                async with asyncio.timeout(5):
                    async with asyncio.timeout(0.001):
                        await loop.create_future()
            except TimeoutError:
                log("inner", asyncio.current_task().cancelling())

        await nested()

        async def rescheduled():
            async with asyncio.timeout(None) as scope:
                scope.reschedule(loop.time() + 0.001)
                try:
                    await loop.create_future()
                finally:
                    log(scope.expired(), repr(scope).split("(")[0])

        await settled(log, rescheduled())
        task = asyncio.ensure_future(limited(5, loop.create_future()))
        await asyncio.sleep(0)
        task.cancel("from outside")
        await settled(log, task)
        async with asyncio.timeout_at(loop.time() + 5) as scope:  # noqa: ASYNC100
            log(scope.when() > loop.time())

    differential(scenario)


@pytest.mark.skipif(not PY311, reason="asyncio has no TaskGroup before 3.11")
def test_task_group():
    async def scenario(loop, log):
        async with asyncio.TaskGroup() as group:
            one = group.create_task(value(1, 3), name="one")
            two = group.create_task(value(2))
        log(one.result(), two.result(), one.get_name())

        ended = []

        async def watched(name):
            try:
                await loop.create_future()
            finally:
                ended.append(name)

        async def failing():
            async with asyncio.TaskGroup() as group:
                group.create_task(watched("a"))
                group.create_task(boom(2))
                group.create_task(watched("b"))
                group.create_task(boom(2, "second"))
                await loop.create_future()

        await settled(log, failing())

        async def body_fails():
            async with asyncio.TaskGroup() as group:
                group.create_task(watched("c"))
                await asyncio.sleep(0)
                raise KeyError("body")

        await settled(log, body_fails())

        async def nested():
            async with asyncio.TaskGroup() as outer:
                outer.create_task(watched("d"))
                async with asyncio.TaskGroup() as inner:
                    inner.create_task(watched("e"))
                    inner.create_task(boom(3))

        await settled(log, nested())

        async def cancelled():
            async with asyncio.TaskGroup() as group:
                group.create_task(watched("f"))

        task = asyncio.ensure_future(cancelled())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel("why")
        await settled(log, task)

        async def child_cancelled():
            async with asyncio.TaskGroup() as group:
                child = group.create_task(watched("g"))
                await asyncio.sleep(0)
                child.cancel()

        await settled(log, child_cancelled())

        async def too_late():
            async with asyncio.TaskGroup() as group:
                pass
            log(sorted(ended))  # a group cancels its children in no order
            late = value(1)
            try:
                group.create_task(late)
            finally:
                late.close()

        await settled(log, too_late())

    differential(scenario)


def test_lock():
    async def scenario(loop, log):
        lock = asyncio.Lock()

        async def worker(name, turns):
            async with lock:
                log(name, "in", lock.locked())
                for _ in range(turns):
                    await asyncio.sleep(0)
                log(name, "out")

        tasks = [asyncio.ensure_future(worker(f"w{i}", i % 3)) for i in range(8)]
        await asyncio.sleep(0)
        tasks[3].cancel()
        tasks[5].cancel()
        for i, task in enumerate(tasks):
            await settled(log, task, f"w{i}")
        log(repr(lock).split(" ")[-1])
        try:
            lock.release()
        except RuntimeError as error:
            log(error)

    differential(scenario)


def test_event_condition_semaphore():
    async def scenario(loop, log):
        event = asyncio.Event()
        waiters = [asyncio.ensure_future(settled(log, event.wait(), f"e{i}")) for i in range(4)]
        await asyncio.sleep(0)
        waiters[1].cancel()
        event.set()
        await asyncio.gather(*waiters)
        condition = asyncio.Condition()
        ready = []

        async def consumer(i):
            async with condition:
                await condition.wait_for(lambda: len(ready) > i)
                log("consumer", i, len(ready))

        consumers = [asyncio.ensure_future(consumer(i)) for i in range(4)]
        for _ in range(5):
            await asyncio.sleep(0)
            async with condition:
                ready.append(1)
                condition.notify(2)
        async with condition:
            condition.notify_all()
        await asyncio.gather(*consumers)
        semaphore = asyncio.Semaphore(2)
        inside = 0

        async def limited(i):
            nonlocal inside
            async with semaphore:
                inside += 1
                log("s", i, inside)
                await asyncio.sleep(0)
                inside -= 1

        await asyncio.gather(*[limited(i) for i in range(7)])
        bounded = asyncio.BoundedSemaphore(1)
        try:
            bounded.release()
        except ValueError as error:
            log(error)

    differential(scenario)


@pytest.mark.skipif(not PY311, reason="asyncio has no Barrier before 3.11")
def test_barrier():
    async def scenario(loop, log):
        barrier = asyncio.Barrier(3)

        async def party(i):
            async with barrier as position:
                log(i, position)

        await asyncio.gather(*[party(i) for i in range(6)])
        waiting = asyncio.ensure_future(settled(log, barrier.wait()))
        await asyncio.sleep(0)
        await barrier.abort()
        await waiting

    differential(scenario)


@pytest.mark.parametrize("kind", ["Queue", "LifoQueue", "PriorityQueue"])
@pytest.mark.parametrize("size", [0, 1, 3])
def test_queues(kind, size):
    async def scenario(loop, log):
        queue = getattr(asyncio, kind)(size)

        async def producer(base):
            for i in range(6):
                await queue.put((base + i * 7) % 10)
                log("put", base, i, queue.qsize())
                if i % 2:
                    await asyncio.sleep(0)

        async def consumer(name):
            while True:
                item = await queue.get()
                log("got", name, item)
                queue.task_done()

        consumers = [asyncio.ensure_future(consumer(n)) for n in "ab"]
        await asyncio.gather(producer(0), producer(1), producer(2))
        await queue.join()
        for task in consumers:
            task.cancel()
        await asyncio.gather(*consumers, return_exceptions=True)
        log(queue.empty(), queue.full())
        for call in (queue.get_nowait, queue.task_done):
            try:
                call()
            except Exception as error:
                log(error)
        await settled(log, asyncio.wait_for(queue.get(), 0.001))

    differential(scenario)


def test_cancelled_getters_lose_nothing():
    async def scenario(loop, log):
        queue = asyncio.Queue()
        getters = [asyncio.ensure_future(queue.get()) for _ in range(5)]
        await asyncio.sleep(0)
        for i in range(3):
            queue.put_nowait(i)
        getters[0].cancel()
        getters[1].cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        log([g.done() and not g.cancelled() and g.result() for g in getters], queue.qsize())
        for getter in getters:
            getter.cancel()
        await asyncio.gather(*getters, return_exceptions=True)

    differential(scenario)


def test_sleep():
    async def scenario(loop, log):
        log(
            await asyncio.sleep(0, "zero"),
            await asyncio.sleep(-1, "negative"),
            await asyncio.sleep(0.001, "some"),
        )
        order = []

        async def sleeper(name, seconds):
            await asyncio.sleep(seconds)
            order.append(name)

        await asyncio.gather(sleeper("c", 0.012), sleeper("a", 0), sleeper("b", 0.004))
        log(order)
        task = asyncio.ensure_future(asyncio.sleep(5))
        await asyncio.sleep(0)
        task.cancel()
        await settled(log, task)
        await settled(log, asyncio.sleep("text"))
        if PY313:
            await settled(log, asyncio.sleep(float("nan")))

    differential(scenario)


def test_to_thread_and_run_in_executor():
    async def scenario(loop, log):
        import contextvars
        import threading

        var = contextvars.ContextVar("var", default="none")
        var.set("mine")
        log(await asyncio.to_thread(var.get))
        log(await loop.run_in_executor(None, var.get))
        log(await asyncio.to_thread(threading.current_thread) is threading.main_thread())
        await settled(log, asyncio.to_thread(int, "x"))
        log(sorted(await asyncio.gather(*[asyncio.to_thread(lambda i=i: i) for i in range(20)])))

    differential(scenario)


def test_streams():
    async def scenario(loop, log):
        async def handle(reader, writer):
            try:
                while True:
                    line = await reader.readuntil(b"\n")
                    if line == b"quit\n":
                        break
                    writer.write(line.upper())
                    await writer.drain()
            except asyncio.IncompleteReadError as error:
                log("incomplete", error.partial)
            except asyncio.LimitOverrunError as error:
                log("overrun", str(error))
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1000)
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address)
        writer.writelines([b"a\n", b"bb\n"])
        log(await reader.readline(), await reader.readexactly(3))
        log(reader.at_eof(), writer.can_write_eof(), writer.is_closing())
        writer.write(b"partial")
        writer.write_eof()
        log(await reader.read())
        writer.close()
        await writer.wait_closed()
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"x" * 5000 + b"\n")
        log(await reader.read())
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            pass
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"one\nquit\n")
        log([line async for line in reader])
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    differential(scenario)


@pytest.mark.parametrize("seed", range(5))
def test_a_storm_of_primitives(seed):
    """Many tasks with locks, queues, cancellations, drawn from a seed."""

    async def scenario(loop, log):
        rng = random.Random(seed)
        lock, semaphore, queue, event = (
            asyncio.Lock(),
            asyncio.Semaphore(2),
            asyncio.Queue(2),
            asyncio.Event(),
        )

        async def worker(name, plan):
            for step in plan:
                if step == 0:
                    async with lock:
                        await asyncio.sleep(0)
                elif step == 1:
                    async with semaphore:
                        log(name, "in")
                        await asyncio.sleep(0)
                elif step == 2:
                    await queue.put(name)
                elif step == 3:
                    log(name, "got", await queue.get())
                elif step == 4:
                    event.set()
                    event.clear()
                elif step == 5:
                    await asyncio.sleep(0)
            return name

        plans = [[rng.randrange(6) for _ in range(rng.randrange(1, 12))] for _ in range(20)]
        tasks = [asyncio.ensure_future(worker(f"w{i}", plan)) for i, plan in enumerate(plans)]
        for task in tasks:
            task.add_done_callback(lambda t: log("end", tasks.index(t), t.cancelled()))
        for _ in range(60):
            await asyncio.sleep(0)
            if rng.random() < 0.2:
                rng.choice(tasks).cancel()
        for task in tasks:
            task.cancel()
        log(await asyncio.gather(*tasks, return_exceptions=True))

    assert differential(scenario)
