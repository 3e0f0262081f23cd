"""Deadlines nest, and the nearest one wins; whoever works under one can ask how long it has left.

    python examples/deadlines.py

Prints:
    outside: None
    a child has less than 1 s, not 60
    TimeoutError: the timeout of 0.02 s, set in main, has passed while awaiting Lock.acquire
    the lock is held by ['holder']
    the group is over: TimeoutError
"""

import asyncio

import riata


async def child() -> None:
    left = riata.time_left()
    assert left is not None
    print(f"a child has less than {1 if left < 1 else 60} s, not 60")


async def hold(lock: riata.Lock) -> None:
    async with lock:
        await riata.sleep(60)


async def main() -> None:
    print(f"outside: {riata.time_left()}")
    async with riata.timeout(60):
        async with riata.timeout(1):
            await asyncio.create_task(child())

    lock = riata.Lock()
    holder = asyncio.create_task(hold(lock), name="holder")
    await riata.sleep(0)
    waiter = asyncio.create_task(hold(lock), name="waiter")
    try:
        async with riata.timeout(0.02):
            await lock.acquire()
    except TimeoutError as error:
        (note,) = getattr(error, "__notes__", ("",))
        set_where, _, awaited = note.partition(" has passed while awaiting ")
        place, awaited = set_where.partition(" (")[0], awaited.partition(" of ")[0]
        print(f"{type(error).__name__}: {place}, has passed while awaiting {awaited}")
    (wait,) = [wait for wait in riata.waits() if wait["task"] == "waiter"]
    print(f"the lock is held by {wait['held_by']}")
    holder.cancel()
    waiter.cancel()

    loop = asyncio.get_running_loop()
    try:
        async with riata.TaskGroup(deadline=loop.time() + 0.02) as group:
            group.create_task(asyncio.sleep(60))
    except TimeoutError as error:
        print(f"the group is over: {type(error).__name__}")


if __name__ == "__main__":
    riata.run(main())
