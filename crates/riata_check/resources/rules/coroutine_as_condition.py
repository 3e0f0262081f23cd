"""Coroutines in truth tests."""

import asyncio
from collections.abc import Awaitable, Callable


async def is_public(job) -> bool:
    return bool(job)


def plain(job) -> bool:
    return bool(job)


class Guard:
    def __init__(self, allowed: Callable[[int], Awaitable[bool]]) -> None:
        self.allowed = allowed


async def test(job):
    if is_public(job):  # error: RIA202
        return 1
    return await is_public(job)


async def test_not(job):
    if not is_public(job):  # error: RIA202
        return 1
    return 2


async def test_elif(job):
    if job:
        return 1
    elif is_public(job):  # error: RIA202
        return 2


async def test_while(job):
    while is_public(job):  # error: RIA202
        pass


async def test_assert(job):
    assert is_public(job)  # error: RIA202


async def test_and(job):
    if job and is_public(job):  # error: RIA202
        return 3


async def test_equal(job):
    if is_public(job) == True:  # error: RIA202
        return 4


async def test_callback(job, guard: Guard):
    if not guard.allowed(job):  # error: RIA202
        return 5


async def test_name(job):
    found = is_public(job)
    if found:  # error: RIA202
        return await found


async def test_name_once(job):
    found = is_public(job)
    if not found:  # error: RIA202
        return 6


async def test_name_in_a_loop(jobs):
    found = is_public(jobs)
    for job in jobs:
        if found:  # error: RIA202
            return job


async def test_comprehension(job):
    jobs = [each for each in job if is_public(each)]  # error: RIA202
    return jobs


async def test_bool(job):
    return bool(is_public(job))  # error: RIA202


async def fine(job, guard: Guard, task: asyncio.Task | None, maybe):
    if await is_public(job):
        return 1
    if not await guard.allowed(job):
        return 2
    if plain(job):
        return 3
    if task:
        await task
    coroutine = is_public(job) if job else None
    if coroutine:
        await coroutine
    if maybe(job):
        return 4
    if is_public:
        return 5
    if job and (running := asyncio.create_task(is_public(job))):
        await running
    first = is_public(job)
    second = is_public(job)
    same = first is second
    await first
    await second
    return same or await is_public(job)


async def there(job):
    if is_public(job) is None:  # error: RIA202
        return False
    if is_public is None:
        return False
    return asyncio.current_task() is job
