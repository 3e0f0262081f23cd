import asyncio


async def chunks(request, queue):
    while True:
        try:
            item = await asyncio.wait_for(queue.get(), 5)
            yield item
        except Exception:
            if await request.is_disconnected():
                break
