import json


class Server:
    def __init__(self):
        self.clients = {}

    async def join(self, name, socket):
        self.clients[name] = socket
        try:
            async for message in socket:
                await self.tell_all(json.loads(message))
        finally:
            del self.clients[name]

    async def tell_all(self, state):
        text = json.dumps(state)
        for socket in self.clients.values():  # bug
            await socket.send(text)
