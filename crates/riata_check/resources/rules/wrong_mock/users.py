from service import save, stop


async def run():
    save(1)
    await stop()
