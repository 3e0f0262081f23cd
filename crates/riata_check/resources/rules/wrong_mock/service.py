"""Functions that tests replace."""

import asyncio


def save(value):
    print(value)


def count() -> int:
    return 1


def start():
    return asyncio.ensure_future(stop())


async def stop():
    pass


class Client:
    def name(self) -> str:
        return ""

    async def get(self):
        return 1
