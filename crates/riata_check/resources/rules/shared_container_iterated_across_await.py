import asyncio

listeners = set()


def listen(queue):
    listeners.add(queue)


async def tell(message):
    for queue in listeners:  # error: RIA706
        await queue.put(message)


class Hub:
    def __init__(self):
        self.clients = {}
        self.fixed = {}
        self.rooms = {}
        self.hooks = []
        self._lock = asyncio.Lock()
        self.fixed["a"] = 1

    def add(self, client):
        self.clients[client.name] = client

    def remove(self, client):
        self.clients.pop(client.name, None)

    def enter(self, room, client):
        self.rooms[room].add(client)

    def hook(self, function):
        self.hooks.append(function)

    async def send(self, message):
        for client in self.clients.values():  # error: RIA706
            await client.send(message)

    async def send_by_comprehension(self, message):
        return [await client.send(message) for client in self.clients.values()]  # error: RIA706

    async def send_in_branch(self, message):
        for name, client in self.clients.items():  # error: RIA706
            if name:
                async with client:
                    client.send(message)

    async def send_copy(self, message):
        for client in list(self.clients.values()):
            await client.send(message)

    async def send_tasks(self, message):
        await asyncio.gather(*[client.send(message) for client in self.clients.values()])

    async def send_locked(self, message):
        async with self._lock:
            for client in self.clients.values():
                await client.send(message)

    async def send_one(self, message):
        for client in self.clients.values():
            if client.ready:
                await client.send(message)
                break

    async def of_fixed(self):
        for _ in self.fixed.values():
            await asyncio.sleep(1)

    async def of_hooks(self):
        for hook in self.hooks:
            await hook()

    async def of_local(self, clients):
        for client in clients:
            await client.send(1)

    async def after_loop(self):
        for client in self.clients.values():
            client.prepare()
        await asyncio.sleep(1)


class Fetcher:
    def __init__(self):
        self.pending = set()
        self.task = asyncio.create_task(self.run())

    async def run(self):
        while True:
            self.pending.add(asyncio.Event())
            await asyncio.sleep(1)

    async def look(self):
        for event in self.pending:  # error: RIA706
            await event.wait()

    async def close(self):
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.task
        for event in self.pending:
            await event.wait()


class Service:
    def __init__(self):
        self.handlers = {}
        self.clients = {}

    def start(self):
        self.handlers["ping"] = print

    def join(self, client):
        self.clients[client.name] = client

    async def stop(self):
        for handler in self.handlers.values():
            await asyncio.sleep(handler)
        for client in self.clients.values():  # error: RIA706
            await asyncio.sleep(client)
