import asyncio


async def stopped_or_cancelled(task, work_item):
    global_stop = asyncio.create_task(task.stopping.event.wait())
    work_cancelled = asyncio.create_task(work_item.cancellation_event.wait())

    done, pending = await asyncio.wait(
        [global_stop, work_cancelled], return_when=asyncio.FIRST_COMPLETED
    )
    for left in pending:
        left.cancel()
    await asyncio.gather(*pending, return_exceptions=True)

    if work_cancelled in done:
        work_item.task = None
    return global_stop in done
