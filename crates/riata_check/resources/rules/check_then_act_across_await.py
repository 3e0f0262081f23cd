import asyncio
import time

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


class Lookups:
    def __init__(self, client):
        self._client = client
        self._user = None
        self._session = None

    async def user(self):
        if self._user is None:
            self._user = await self._client.get_user()
        return self._user

    async def session(self):
        if self._session is None:  # error: RIA703
            self._session = await self._client.open_session()
        return self._session


class Reconnecting:
    def __init__(self):
        self._connections = {}
        self._lock = asyncio.Lock()

    async def taken_out_and_put_back(self, name):
        connection = self._connections.pop(name, None)
        if connection is not None:
            await connection.close()
        self._connections[name] = await make()  # error: RIA703

    async def deleted_and_put_back(self, name):
        connection = self._connections[name]
        del self._connections[name]
        await connection.close()
        self._connections[name] = connection  # error: RIA703

    async def put_back_locked(self, name):
        async with self._lock:
            connection = self._connections.pop(name, None)
            await connection.close()
            self._connections[name] = await make()

    async def put_back_for_another(self, name, other):
        connection = self._connections.pop(name)
        await connection.close()
        self._connections[other] = connection

    async def put_back_at_once(self, name):
        connection = self._connections.pop(name)
        self._connections[name] = connection
        await connection.check()

    async def put_back_when_it_failed(self, name):
        connection = self._connections.pop(name)
        try:
            await connection.close()
        except OSError:
            self._connections[name] = connection

    async def dropped(self, name):
        self._connections.pop(name, None)
        made = await make()
        self._connections[name] = made


class Renewed:
    def __init__(self):
        self._expires_at = 0.0
        self._lock = asyncio.Lock()

    def _store(self, answer):
        expires_in = int(answer)
        self._expires_at = time.time() + expires_in

    async def renew(self):
        self._store(await make())

    async def renew_locked(self):
        async with self._lock:
            self._store(await make())

    async def renew_and_say(self):
        self._expires_at = time.time() + await make()
        print(self._expires_at)

    async def ensure(self):
        if time.time() >= self._expires_at - 60:  # error: RIA703
            await self.renew()

    async def ensure_and_say(self):
        if time.time() >= self._expires_at - 60:  # error: RIA703
            await self.renew_and_say()

    async def ensure_locked(self):
        if time.time() >= self._expires_at - 60:
            await self.renew_locked()


class Channel:
    def __init__(self, loop):
        self._loop = loop
        self._protocol = None
        self._stream = None

    async def __connect__(self):
        if self._protocol is None or self._protocol.lost:  # error: RIA703
            _, self._protocol = await self._loop.create_connection(object)
        return self._protocol

    async def __anext__(self):
        if self._stream is None:
            _, self._stream = await make()
        return self._stream


class ByProperty:
    def __init__(self):
        self._token = None
        self._lock = asyncio.Lock()

    @property
    def expires_at(self):
        return self._token["expires_at"]

    async def refresh_token(self):
        self._token = await make()

    async def refresh_locked(self):
        async with self._lock:
            self._token = await make()

    async def refresh_at_most_once(self):
        await self.refresh_locked()

    async def forget(self):
        await make()

    async def ensure(self):
        if time.time() >= self.expires_at:  # error: RIA703
            await self.refresh_token()

    async def ensure_locked(self):
        if time.time() >= self.expires_at:
            await self.refresh_locked()

    async def ensure_locked_further_in(self):
        if time.time() >= self.expires_at:
            await self.refresh_at_most_once()

    async def says_nothing_of_renewal(self):
        if time.time() >= self.expires_at:
            await self.forget()


class Asked:
    def __init__(self, client):
        self._client = client
        self._open = {}

    async def get(self, name):
        found = self._open.get(name)  # error: RIA703
        if found is None:
            found = await self._client.open_session(name)
            self._open[name] = found
        return found

    async def looked_again(self, name):
        found = self._open.get(name)
        if not found:
            found = await self._client.open_session(name)
            if name in self._open:
                return self._open[name]
            self._open[name] = found
        return found

    async def kept_for_another(self, name, other):
        found = self._open.get(name)
        if found is None:
            found = await self._client.open_session(name)
            self._open[other] = found
        return found


async def make_for(key):
    await asyncio.sleep(1)
    return key


class OtherForms:
    def __init__(self):
        self._items = {}
        self._making = {}
        self._maker = None
        self._pool = None
        self._lock = asyncio.Lock()

    async def after_a_miss(self, key):
        try:
            return self._items[key]  # error: RIA703
        except KeyError:
            self._items[key] = await make_for(key)
            return self._items[key]

    async def after_the_handler(self, key):
        try:
            return self._items[key]  # error: RIA703
        except KeyError:
            pass
        self._items[key] = await make_for(key)
        return self._items[key]

    async def no_attribute_yet(self):
        try:
            return self._late  # error: RIA703
        except AttributeError:
            self._late = await make()
            return self._late

    async def hasattr_form(self):
        if not hasattr(self, "_late"):  # error: RIA703
            self._late = await make()
        return self._late

    async def getattr_form(self):
        if getattr(self, "_late", None) is None:  # error: RIA703
            self._late = await make()
        return self._late

    async def walrus(self, key):
        if (found := self._items.get(key)) is None:  # error: RIA703
            found = self._items[key] = await make_for(key)
        return found

    async def early_walrus(self, key):
        if found := self._items.get(key):  # error: RIA703
            return found
        self._items[key] = await make_for(key)
        return self._items[key]

    async def got_directly(self, key):
        if self._items.get(key) is None:  # error: RIA703
            self._items[key] = await make_for(key)
        return self._items[key]

    async def missed_and_locked(self, key):
        try:
            return self._items[key]
        except KeyError:
            async with self._lock:
                if key not in self._items:
                    self._items[key] = await make_for(key)
            return self._items[key]

    async def missed_and_made_at_once(self, key):
        try:
            return self._items[key]
        except KeyError:
            self._items[key] = key
        await make_for(key)
        return self._items[key]

    async def single_flight(self, key):
        if key not in self._making:
            self._making[key] = asyncio.create_task(make_for(key))
        return await self._making[key]

    async def all_join(self):
        if self._pool is None:
            if self._maker is None:
                self._maker = asyncio.create_task(make())
            self._pool = await asyncio.shield(self._maker)
        return self._pool

    async def all_join_a_local(self):
        if self._pool is None:
            maker = self._maker
            if maker is None:
                maker = self._maker = asyncio.create_task(make())
            self._pool = await maker
        return self._pool

    async def _under_the_callers_lock(self):
        if self._pool is None:
            self._pool = await make()
        return self._pool

    async def one(self):
        async with self._lock:
            return await self._under_the_callers_lock()

    async def two(self):
        async with self._lock:
            await self._under_the_callers_lock()

    async def _under_one_callers_lock(self):
        if self._pool is None:  # error: RIA703
            self._pool = await make()
        return self._pool

    async def three(self):
        async with self._lock:
            return await self._under_one_callers_lock()

    async def four(self):
        return await self._under_one_callers_lock()


class Once:
    def __init__(self):
        self.initialized = False
        self._context = False
        self._connecting = False
        self._lock = asyncio.Lock()

    async def ensure(self):
        if not self.initialized:  # error: RIA703
            await make()
            self.initialized = True

    async def ensure_early(self, wanted):
        if self.initialized or not wanted:  # error: RIA703
            return
        await make()
        self.initialized = True

    async def ensure_locked(self):
        if self.initialized:
            return
        async with self._lock:
            if not self.initialized:
                await make()
                self.initialized = True

    async def said_before(self):
        if not self.initialized:
            self.initialized = True
            await make()

    async def said_by_another_flag(self):
        if self.initialized or self._connecting:
            return
        self._connecting = True
        await make()
        self.initialized = True

    async def until_it_is(self):
        while True:
            if not self.initialized:
                await make()
                self.initialized = True

    async def setup(self):
        if not self.initialized:
            await make()
            self.initialized = True

    async def _request(self, path):
        if not self._context:  # error: RIA703
            self._context = await make()
        return path

    async def first(self):
        return await self._request("1")

    async def second(self):
        return await self._request("2")

    async def third(self):
        return await self._request("3")


class Reconnecting:
    def __init__(self):
        self._transport = None
        self._lock = asyncio.Lock()

    @property
    def is_connected(self):
        return self._transport is not None

    async def connect(self):
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, "host", 1)
        self.made(transport)

    def made(self, transport):
        self._transport = transport

    async def read(self):
        if not self.is_connected:  # error: RIA703
            await self.connect()
        return 1

    async def write(self):
        if not self.is_connected:  # error: RIA703
            await self.connect()

    async def ping(self):
        async with self._lock:
            if not self.is_connected:
                await self.connect()


class ConnectingOnce:
    def __init__(self):
        self.connected = False
        self._lock = asyncio.Lock()

    async def connect(self):
        async with self._lock:
            await make()

    async def read(self):
        if not self.connected:
            await self.connect()
        return 1

    async def write(self):
        if not self.connected:
            await self.connect()

    async def ping(self):
        if not self.connected:
            await self.connect()


class WorkPools:
    def __init__(self, api):
        self._api = api
        self._pool = None
        self._connections = None

    async def work_pool(self):
        if self._pool is None:
            self._pool = await self._api.read_work_pool(1)
        return self._pool

    async def connections(self):
        if self._connections is None:  # error: RIA703
            self._connections = await self._api.get_pool()
        return self._connections


class Bot:
    def __init__(self, api):
        self._api = api
        self._initialized = False
        self._platform = None

    async def initialize(self):
        # Whoever made the bot calls it.
        if not self._initialized:
            await self._api.connect()
            self._initialized = True

    async def __aenter__(self):
        await self.initialize()
        return self

    async def platform(self):
        if self._platform is None:
            self._platform = await self._api.asyncify(get_platform)()
        return self._platform


class LazyBot:
    def __init__(self, api):
        self._api = api
        self._initialized = False

    async def initialize(self):
        if not self._initialized:  # error: RIA703
            await self._api.connect()
            self._initialized = True

    async def send(self):
        await self.initialize()


def get_platform():
    return "linux"


class TokenOfParts:
    def __init__(self):
        self.token = None
        self.fetched_at = 0
        self.kind = "Bearer"

    async def given_out_in_parts(self, session):
        if self.token is not None:  # error: RIA703
            horizon = self.fetched_at + self.token.lifetime
            if time.time() < horizon:
                return (self.kind, self.token.value)
        self.token = await session.exchange_token()
        return (self.kind, self.token.value)

    async def fresh_in_a_branch(self, session):
        if self.token:  # error: RIA703
            if self.token.expires_at > time.time():
                return self.token
            self.kind = "Bearer"
        self.token = await session.exchange_token()

    async def kept_to_itself(self, session):
        if self.token is not None:
            if self.kind == "Bearer":
                return None
        self.token = await session.exchange_token()
        return (self.kind, None)

    async def under_a_lock(self, session, lock: asyncio.Lock):
        async with lock:
            if self.token is not None:
                if self.kind == "Bearer":
                    return self.token.value
            self.token = await session.exchange_token()
            return self.token.value
