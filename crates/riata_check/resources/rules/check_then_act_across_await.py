import time
import asyncio

cache = {}
client = None


async def make(key=None):
    await asyncio.sleep(1)
    return object()


async def never_waits():
    return object()


class Pool:
    default = None

    def __init__(self):
        self._pool = None
        self._lock = asyncio.Lock()
        self._task = None
        self._by_key = {}
        self._free = asyncio.Queue()
        self._items = []

    async def pool(self):
        if self._pool is None:  # error: RIA703
            self._pool = await make()
        return self._pool

    async def pool_by_early_return(self):
        if self._pool is not None:  # error: RIA703
            return self._pool
        made = await make()
        self._pool = made
        return self._pool

    async def by_key(self, key):
        if key not in self._by_key:  # error: RIA703
            self._by_key[key] = await make(key)
        return self._by_key[key]

    @classmethod
    async def shared(cls):
        if Pool.default is None:  # error: RIA703
            Pool.default = await make()

    async def fill(self, smallest):
        while self._free.qsize() < smallest:  # error: RIA703
            self._free.put_nowait(await make())

    async def fill_locked(self, smallest):
        async with self._lock:
            while self._free.qsize() < smallest:
                self._free.put_nowait(await make())

    async def locked(self):
        async with self._lock:
            if self._pool is None:
                self._pool = await make()
        return self._pool

    async def locked_inside(self):
        if self._pool is None:
            async with self._lock:
                if self._pool is None:
                    self._pool = await make()
        return self._pool

    async def locked_by_hand(self):
        await self._lock.acquire()
        try:
            if self._pool is None:
                self._pool = await make()
            return self._pool
        finally:
            self._lock.release()

    async def task_first(self):
        if self._task is None:
            self._task = asyncio.ensure_future(make())
        return await self._task

    async def claimed(self):
        if self._task is None:
            self._task = asyncio.Future()
            self._task = await make()
        return self._task

    async def asked_again(self):
        if self._pool is None:
            made = await make()
            if self._pool is None:
                self._pool = made
        return self._pool

    async def without_waiting(self):
        if self._pool is None:
            self._pool = await never_waits()
        return self._pool

    async def __aenter__(self):
        if self._pool is None:
            self._pool = await make()
        return self._pool


async def local():
    value = None
    if value is None:
        value = await make()
    return value


async def module_cache(key):
    if key not in cache:  # error: RIA703
        cache[key] = await make(key)
    return cache[key]


async def module_client():
    global client
    if client is None:  # error: RIA703
        client = await make()
    return client


class Token:
    def is_expired(self):
        return True


class Session:
    def __init__(self):
        self.token = Token()
        self._lock = asyncio.Lock()

    async def request(self):
        if self.token.is_expired():  # error: RIA703
            await self.renew()

    async def request_locked(self):
        if self.token.is_expired():
            await self.renew_once()

    async def renew(self):
        self.token = await make()

    async def renew_once(self):
        async with self._lock:
            if self.token.is_expired():
                self.token = await make()


class ReadLock:
    def __init__(self):
        self._readers = 0
        self._waiters = []

    async def acquire(self):
        if not self._waiters:
            self._readers += 1
            return
        future = asyncio.get_running_loop().create_future()
        self._waiters.append(future)
        await future
        self._readers += 1  # error: RIA703


class Renews:
    def __init__(self, http):
        self._http = http
        self._renewal = asyncio.Lock()
        self.token = None
        self.expires_at = 0.0

    async def renew(self):
        answer = await self._http.post("token")
        self.token = answer["token"]
        self.expires_at = answer["expires_at"]

    async def renew_once(self):
        async with self._renewal:
            answer = await self._http.post("token")
            self.expires_at = answer["expires_at"]

    async def here(self):
        if time.time() > self.expires_at - 60:  # error: RIA703
            answer = await self._http.post("token")
            self.token = answer["token"]
            self.expires_at = answer["expires_at"]

    async def in_a_method(self):
        if time.time() > self.expires_at - 60:  # error: RIA703
            await self.renew()

    async def in_a_method_with_a_lock(self):
        if time.time() > self.expires_at - 60:
            await self.renew_once()

    async def under_a_lock(self):
        async with self._renewal:
            if time.time() > self.expires_at - 60:
                await self.renew()

    async def by_one_task(self):
        while True:
            if time.time() > self.expires_at - 60:
                await self.renew()

    async def only_tells(self):
        if time.time() > self.expires_at - 60:
            await self._http.post("expired")


_folders = {}
_other_folders = {}


async def folders_of(product, fetch):
    if product not in _folders:  # error: RIA703
        names = await fetch(product)
        _folders[product] = {}
        for name in names:
            _folders[product][name] = await fetch(name)
    return _folders[product]


async def folders_claimed(product, fetch):
    if product not in _other_folders:
        _other_folders[product] = {}
        await fetch(product)
    return _other_folders[product]
