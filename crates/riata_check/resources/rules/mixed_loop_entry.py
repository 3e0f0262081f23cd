import asyncio


async def work():
    await asyncio.sleep(0)


class Bot:
    def __init__(self, loop=None):
        self.loop = loop

    async def start(self):
        await asyncio.sleep(0)


def got_after_run():
    asyncio.run(work())
    loop = asyncio.get_event_loop()  # error: RIA408
    loop.run_until_complete(work())


def given_to_another_loop():
    loop = asyncio.get_event_loop()
    bot = Bot(loop=loop)
    asyncio.run(bot.start())  # error: RIA408


def a_task_of_another_loop():
    loop = asyncio.new_event_loop()
    loop.create_task(work())
    asyncio.run(work())  # error: RIA408


def one_after_the_other():
    asyncio.run(work())
    loop = asyncio.new_event_loop()
    loop.run_until_complete(work())
    loop.close()
    asyncio.run(work())


def set_again():
    asyncio.run(work())
    asyncio.set_event_loop(asyncio.new_event_loop())
    asyncio.get_event_loop().run_until_complete(work())


def either(new):
    if new:
        asyncio.run(work())
    else:
        loop = asyncio.get_event_loop()
        loop.run_until_complete(work())


def both_run():
    loop = asyncio.new_event_loop()
    loop.create_task(work())
    loop.run_until_complete(work())
    asyncio.run(work())


if __name__ == "__main__":
    asyncio.run(work())
    asyncio.get_event_loop().run_until_complete(work())  # error: RIA408
