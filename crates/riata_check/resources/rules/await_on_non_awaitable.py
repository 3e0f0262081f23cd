"""What is awaited."""

import asyncio
from abc import ABC, abstractmethod


def plain() -> str:
    return ""


def nothing() -> None:
    pass


def untyped():
    return something()


def something():
    return asyncio.sleep(0)


async def right():
    return 1


class Base(ABC):
    @abstractmethod
    def start(self) -> None: ...

    def stop(self) -> None:
        print("stop")

    def pause(self) -> None:
        print("pause")


class Derived(Base):
    def start(self) -> None:
        pass

    async def pause(self) -> None:
        pass


async def awaited(base: Base, event: asyncio.Event):
    await plain()  # error: RIA209
    await nothing()  # error: RIA209
    await right  # error: RIA209
    await event.wait  # error: RIA209
    await base.stop()  # error: RIA209
    await (  # error: RIA209
        plain()  # A comment.
    )
    await(nothing())  # error: RIA209
    await [right(), right()]  # error: RIA209
    event.set()
    await event.set()  # error: RIA209


async def fine(base: Base, unknown):
    await right()
    await untyped()
    await something()
    await base.start()
    await base.pause()
    await unknown
    await unknown()
    task = asyncio.create_task(right())
    await task
    await asyncio.gather(right(), right())


async def rows():
    yield 1


async def awaits_generator():
    await rows()  # error: RIA209
    async for row in await rows():  # error: RIA209
        print(row)
    iterator = rows()
    await iterator  # error: RIA209
    async for row in rows():
        print(row)
    await rows().aclose()
