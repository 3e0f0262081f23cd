import asyncio

begun = False


async def work():
    await asyncio.sleep(1)


async def never_waits():
    return 1


class Client:
    def __init__(self):
        self._lock = asyncio.Lock()
        self._connected = False
        self._connection = None
        self._users = set()
        self._task = None
        self._client = Pool()

    async def connect(self):
        await work()
        self._connected = True

    async def connect_once(self):
        async with self._lock:
            if not self._connected:
                await self.connect()

    async def claim(self):
        self._connected = True
        await work()

    async def ensure(self):
        if not self._connection:  # error: RIA710
            await self._client.create()
            self._connection = self._client.connection

    async def send(self):
        if not self._connected:  # error: RIA710
            await self.connect()
        await work()

    async def join(self, user):
        if len(self._users) < 10:  # error: RIA710
            await work()
            self._users.add(user)

    async def leave(self):
        if self._connection is None:  # error: RIA710
            return
        await work()
        self._connection = None

    async def send_locked(self):
        async with self._lock:
            if not self._connected:
                await self.connect()

    async def send_by_another(self):
        if not self._connected:
            await self.connect_once()

    async def claimed(self):
        if not self._connected:
            self._connected = True
            await work()
            self._connected = True

    async def claimed_there(self):
        if not self._connected:
            await self.claim()

    async def looped(self):
        while True:
            if not self._connected:
                await work()
                self._connected = True

    async def without_waiting(self):
        if not self._connected:
            await never_waits()
            self._connected = True

    async def another_place(self):
        if not self._connected:
            await work()
            self._task = None

    async def before_the_await(self):
        if not self._connected:
            self._connected = True
            await work()


class Pool:
    def __init__(self):
        self.connection = None

    async def create(self):
        await work()
        self.connection = object()


async def of_a_module():
    global begun
    if not begun:  # error: RIA710
        await work()
        begun = True


async def local():
    done = False
    if not done:
        await work()
        done = True
    return done


class Session:
    def __init__(self):
        self._lock = asyncio.Lock()
        self._session = None
        self._begun = False

    async def login(self):
        self._session = None
        await work()
        self._session = object()

    async def validate(self):
        if self._session is None:  # error: RIA710
            await self.login()

    async def initialize(self):
        if self._begun:  # error: RIA710
            return
        await work()
        self._begun = True

    async def initialize_once(self):
        if self._begun:
            return
        async with self._lock:
            if self._initialized:
                return
            await work()
            self._initialized = True


class CalledUnderALock:
    def __init__(self):
        self.lock = asyncio.Lock()
        self.token = None

    async def fetch(self, session):
        async with self.lock:
            return await self._fetch(session)

    async def _fetch(self, session):
        if self.token is not None:
            if self.token.fresh:
                return self.token.value
        self.token = await session.exchange()
        return self.token.value
