import asyncio
import logging

import anyio
import trio

logger = logging.getLogger(__name__)


async def work():
    raise ValueError


async def passed_over():
    try:
        async with asyncio.TaskGroup() as group:  # error: RIA607
            group.create_task(work())
    except Exception:
        pass


async def returns():
    try:
        async with trio.open_nursery() as nursery:  # error: RIA607
            nursery.start_soon(work)
    except KeyError:
        raise
    except (ValueError, Exception) as error:
        return None


async def goes_on(rounds):
    for _ in range(rounds):
        try:
            if rounds > 1:
                async with anyio.create_task_group() as group:  # error: RIA607
                    group.start_soon(work)
        except Exception:
            continue


async def logged():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except Exception:
        logger.exception("failed")


async def says_so():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except Exception:
        return False


async def explained():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except Exception:
        # Nobody waits for the answers.
        pass


async def explained_behind():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except Exception:
        pass  # Nobody waits for the answers.


async def knows_of_groups():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except ExceptionGroup:
        raise
    except Exception:
        pass


async def narrow():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except OSError:
        pass


async def stop():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
    except Exception:
        pass


async def no_group():
    try:
        async with asyncio.timeout(1):
            await work()
    except Exception:
        pass


async def handled_inside():
    try:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(work())
        except* ValueError:
            logger.exception("failed")
    except Exception:
        pass
