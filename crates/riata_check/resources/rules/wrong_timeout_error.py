import asyncio
import concurrent.futures
import sys

import anyio
import trio

NETWORK = (OSError, TimeoutError)
BOTH = (asyncio.TimeoutError, TimeoutError)


async def builtin(answer):
    try:
        return await asyncio.wait_for(answer, 10)
    except TimeoutError:  # error: RIA605
        return None


async def of_threads(answer):
    try:
        return await asyncio.wait_for(answer, timeout=10)
    except (concurrent.futures.TimeoutError, ValueError):  # error: RIA605
        return None


async def constant(answer):
    try:
        return await asyncio.wait_for(answer, 10)
    except NETWORK:  # error: RIA605
        return None


async def helper(answer):
    return await asyncio.wait_for(answer, 1)


async def through_helper(answer):
    try:
        return await helper(answer)
    except TimeoutError:  # error: RIA605
        return None


async def of_anyio():
    try:
        with anyio.fail_after(1):
            await anyio.sleep(2)
    except asyncio.TimeoutError:  # error: RIA605
        pass


async def of_trio():
    try:
        with trio.fail_after(1):
            await trio.sleep(2)
    except TimeoutError:  # error: RIA605
        pass


def thread(coroutine, loop):
    try:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(1)
    except asyncio.TimeoutError:  # error: RIA605
        return None


async def right(answer):
    try:
        return await asyncio.wait_for(answer, 10)
    except asyncio.TimeoutError:
        return None


async def any_of_them(answer):
    try:
        return await asyncio.wait_for(answer, 10)
    except BOTH:
        return None


async def without_limit(answer):
    try:
        return await asyncio.wait_for(answer, None)
    except TimeoutError:
        return None


async def anyio_is_right():
    try:
        with anyio.fail_after(1):
            await anyio.sleep(2)
    except TimeoutError:
        pass


async def handled_inside(answer):
    try:
        try:
            return await asyncio.wait_for(answer, 10)
        except asyncio.TimeoutError:
            return None
    except TimeoutError:
        return None


async def by_version(answer):
    if sys.version_info >= (3, 11):
        try:
            return await asyncio.wait_for(answer, 10)
        except TimeoutError:
            return None


async def unknown(answer, errors):
    try:
        return await asyncio.wait_for(answer, 10)
    except (TimeoutError, *errors):
        return None


async def nothing_limited(reader):
    try:
        return await reader.read()
    except TimeoutError:
        return None
