import asyncio
from contextlib import suppress


async def work():
    await asyncio.sleep(1)


async def quietly_at_the_end():
    try:
        await work()
    except asyncio.CancelledError:  # error: RIA611
        print("stopped")


async def by_return():
    try:
        await work()
    except asyncio.CancelledError:  # error: RIA611
        return


async def of_a_gather(tasks):
    try:
        await asyncio.gather(*tasks)
    except asyncio.CancelledError:  # error: RIA611
        for task in tasks:
            task.cancel()
        return


async def in_clean_up(task):
    try:
        await work()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):  # error: RIA611
            await task


async def started():
    # Each of them runs as a task of its own.
    for function in (quietly_at_the_end, by_return):
        asyncio.create_task(function())
    asyncio.create_task(quietly_at_the_end())
    asyncio.create_task(by_return())
    asyncio.create_task(of_a_gather([]))


async def raised_again():
    try:
        await work()
    except asyncio.CancelledError:
        print("stopped")
        raise


async def nothing_awaited():
    try:
        print("no await")
    except asyncio.CancelledError:
        pass


async def of_errors():
    try:
        await work()
    except Exception:
        pass


async def handed_on(future):
    try:
        await work()
    except BaseException as error:
        future.set_exception(error)


async def told_apart(task):
    try:
        await task
    except asyncio.CancelledError:
        if asyncio.current_task().cancelling():
            raise


# What goes on after it is the other rules' business.
async def goes_on():
    while True:
        try:
            await work()
        except asyncio.CancelledError:
            pass
