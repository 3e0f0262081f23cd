import asyncio

import aiofiles


async def size():
    await asyncio.sleep(1)
    return 1


class Game:
    def __init__(self):
        self.total = 0
        self.players = {}
        self._lock = asyncio.Lock()
        self._depth = 0

    async def count(self):
        self.total += await size()  # error: RIA704

    async def count_by_local(self):
        total = self.total
        step = await size()
        self.total = total + step  # error: RIA704

    async def in_one_expression(self):
        self.total = self.total + await size()  # error: RIA704

    async def open_chest(self, name):
        player = self.players[name]
        left = player.chests
        await size()
        player.chests = left - 1  # error: RIA704

    async def rewrite(self, path):
        async with aiofiles.open(path) as file:
            text = await file.read()
        async with aiofiles.open(path, "w") as file:  # error: RIA704
            await file.write(text + "more")

    async def awaited_first(self):
        step = await size()
        self.total += step

    async def locked(self):
        async with self._lock:
            self.total += await size()

    async def read_after(self):
        await size()
        total = self.total
        self.total = total + 1

    async def restored(self):
        depth = self._depth
        self._depth = 0
        await size()
        self._depth = depth

    async def looked_at_again(self):
        total = self.total
        await size()
        if self.total == total:
            self.total = total + 1

    async def of_a_local(self, player):
        left = player.chests
        await size()
        player.chests = left - 1

    async def rewrite_locked(self, path):
        async with self._lock:
            async with aiofiles.open(path) as file:
                text = await file.read()
            async with aiofiles.open(path, "w") as file:
                await file.write(text + "more")

    async def copy(self, path, other):
        async with aiofiles.open(path) as file:
            text = await file.read()
        async with aiofiles.open(other, "w") as file:
            await file.write(text)


class Tokens:
    def __init__(self):
        self.access_token = None
        self.refresh_token = None
        self.page = None

    async def renew(self):
        self.refresh_token = await renewed(self.refresh_token)  # error: RIA704

    async def renew_both(self):
        self.access_token, self.refresh_token = await renewed(self.refresh_token)  # error: RIA704

    async def next_page(self):
        self.page = await renewed(self.page)

    # The steps of a form come one after the other.
    async def second_step(self, code):
        self.access_token = await confirmed(code, self.access_token)

    async def from_another(self):
        self.refresh_token = await renewed(self.page)


async def confirmed(code, token):
    await asyncio.sleep(1)
    return code, token


async def renewed(token):
    await asyncio.sleep(1)
    return token
