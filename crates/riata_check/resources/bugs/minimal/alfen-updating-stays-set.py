import asyncio


class Wallbox:
    def __init__(self, session):
        self.session = session
        self.updating = False
        self.properties = []

    async def update(self):
        if self.updating:
            return True
        self.updating = True  # bug
        await asyncio.sleep(0)
        self.properties = await self.read_all()
        self.updating = False
        return True

    async def read_all(self):
        response = await self.session.get("/api/prop")
        return (await response.json())["properties"]
