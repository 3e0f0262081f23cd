"""Locks, semaphores and conditions where CPython's tests do not ask: subclasses, large counts, what somebody has looked at."""

import asyncio
import sys

import riata


def test_a_semaphore_asks_the_locked_of_a_subclass(go):
    async def main():
        class Closed(riata.Semaphore):
            is_closed = True

            def locked(self):
                return self.is_closed or super().locked()

        semaphore = Closed(1)
        task = asyncio.ensure_future(semaphore.acquire())
        await riata.sleep(0)
        assert not task.done()
        semaphore.is_closed = False
        semaphore.release()
        assert await task

    go(main())


def test_counts_that_are_large(go):
    async def main():
        for value in (sys.maxsize, 2**70):
            semaphore = riata.Semaphore(value)
            semaphore.release()
            assert semaphore._value == sys.maxsize
            await semaphore.acquire()
        condition = riata.Condition()

        async def wait():
            async with condition:
                await condition.wait()

        for count, woken in ((2**70, 3), (float("inf"), 3), (1.5, 2), (-1, 0)):
            tasks = [asyncio.ensure_future(wait()) for _ in range(3)]
            await riata.sleep(0.001)
            async with condition:
                condition.notify(count)
            await riata.sleep(0.001)
            assert sum(task.done() for task in tasks) == woken
            async with condition:
                condition.notify_all()
            await asyncio.wait(tasks)

    go(main())


def test_waiters_that_somebody_looked_at_work_as_before(go):
    async def main():
        lock = riata.Lock()
        await lock.acquire()
        assert list(lock._waiters or ()) == []
        order = []

        async def use(number):
            async with lock:
                order.append(number)

        tasks = [asyncio.ensure_future(use(number)) for number in range(5)]
        await riata.sleep(0)
        assert len(lock._waiters) == 5
        tasks[2].cancel()
        await riata.sleep(0)
        assert len(lock._waiters) == 4
        lock.release()
        await asyncio.wait(tasks)
        assert order == [0, 1, 3, 4]
        assert not lock.locked() and len(lock._waiters) == 0

    go(main())


def test_a_condition_that_is_cancelled_twice_tells_of_both(go):
    async def main():
        condition = riata.Condition()

        async def wait():
            async with condition:
                await condition.wait()

        task = asyncio.ensure_future(wait())
        await riata.sleep(0.001)
        await condition.acquire()
        task.cancel("first")
        await riata.sleep(0.001)
        task.cancel("second")
        await riata.sleep(0.001)
        condition.release()
        try:
            await task
        except asyncio.CancelledError as error:
            while error.args != ("second",):
                error = error.__context__
            assert error.__context__.args == ("first",)

    go(main())
