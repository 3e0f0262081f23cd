import asyncio
import threading

import anyio


async def ask(question):
    await asyncio.sleep(0)
    return question


def answer(question):
    return asyncio.run(ask(question))


def answer_twice(question):
    return [answer(question), answer(question)]


class Pipeline:
    def run(self, data):
        loop = asyncio.new_event_loop()
        return loop.run_until_complete(ask(data))

    def from_anyio(self):
        return anyio.run(ask, "this")


async def direct(loop):
    asyncio.run(ask("this"))  # error: RIA407
    asyncio.get_event_loop().run_until_complete(ask("this"))  # error: RIA407
    loop.run_until_complete(ask("this"))  # error: RIA407
    with asyncio.Runner() as runner:
        runner.run(ask("this"))  # error: RIA407


async def through_helpers(pipeline: Pipeline):
    answer("this")  # error: RIA407
    answer_twice("this")  # error: RIA407
    pipeline.run("this")  # error: RIA407
    pipeline.from_anyio()  # error: RIA407


def looks_first(question):
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(ask(question))
    raise TypeError("await it")


def asks_the_loop(question):
    loop = asyncio.get_event_loop()
    if loop.is_running():
        return loop.create_task(ask(question))
    return loop.run_until_complete(ask(question))


async def harmless(question):
    looks_first(question)
    asks_the_loop(question)
    await asyncio.to_thread(answer, question)
    await asyncio.get_running_loop().run_in_executor(None, answer, question)
    thread = threading.Thread(target=answer, args=(question,))
    thread.start()
    threading.Thread(target=lambda: asyncio.run(ask(question))).start()


async def in_a_function_for_a_thread(question):
    def in_thread():
        return asyncio.run(ask(question))

    return await asyncio.to_thread(in_thread)


class Other:
    def run_until_complete(self, work):
        return work


async def another_class(loop: Other):
    loop.run_until_complete(1)


def main():
    return answer("this")


if __name__ == "__main__":
    main()


async def test_it_fails(pytest):
    with pytest.raises(RuntimeError):
        asyncio.run(ask("this"))


def test_it_fails_inside(pytest):
    async def inner():
        asyncio.run(ask("this"))

    with pytest.raises(RuntimeError):
        asyncio.run(inner())


def wait_for_server(tries=60):
    for _ in range(tries):
        asyncio.new_event_loop().run_until_complete(main())


def status():
    return wait_for_server(tries=0)


async def asks_for_status():
    status()
    wait_for_server(0)
    wait_for_server()  # error: RIA407


class ClosedWhenCollected:
    def __init__(self, session):
        self.loop = asyncio.get_event_loop()
        self.session = session

    async def request(self):
        return await self.session.get("/")

    def __del__(self):
        if self.session:
            self.loop.run_until_complete(self.session.close())  # error: RIA407


class AsksFirst:
    def __init__(self, session):
        self.loop = asyncio.get_event_loop()
        self.session = session

    async def request(self):
        return await self.session.get("/")

    def __del__(self):
        if not self.loop.is_running():
            self.loop.run_until_complete(self.session.close())


class UsedByNoCoroutine:
    def __init__(self, loop, session):
        self.loop = loop
        self.session = session

    def __del__(self):
        self.loop.run_until_complete(self.session.close())
