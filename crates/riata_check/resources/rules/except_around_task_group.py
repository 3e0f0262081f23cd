import asyncio

import anyio
import trio


class OwnError(Exception):
    pass


async def work():
    raise OwnError


async def direct():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except OwnError:  # error: RIA606
        pass


async def nursery():
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
    except (OwnError, ValueError):  # error: RIA606
        pass
    except KeyError:  # error: RIA606
        pass


async def lenient():
    try:
        async with trio.open_nursery(strict_exception_groups=False) as nursery:
            nursery.start_soon(work)
    except OwnError:
        pass


async def in_a_callee():
    results = []
    async with anyio.create_task_group() as group:
        group.start_soon(work)
    return results


async def through_call():
    try:
        await in_a_callee()
    except OwnError:  # error: RIA606
        print("failed")


async def middle():
    return await in_a_callee()


async def through_two_calls():
    try:
        await middle()
    except OwnError:  # error: RIA606
        print("failed")


async def star():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except* OwnError:
        pass


async def knows_groups():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except OwnError:
        pass
    except ExceptionGroup:
        pass


async def broad():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except Exception:
        pass


async def bare_ones():
    try:
        async with asyncio.timeout(1):
            async with asyncio.TaskGroup() as group:
                group.create_task(work())
    except TimeoutError:
        pass
    except asyncio.CancelledError:
        raise


async def other_sources():
    try:
        await work()
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except OwnError:
        pass


async def inside():
    async with asyncio.TaskGroup() as group:
        try:
            group.create_task(work())
        except OwnError:
            pass


async def handled_in_callee():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except* OwnError:
        raise OwnError from None


async def calls_the_handling_one():
    try:
        await handled_in_callee()
    except OwnError:
        pass
