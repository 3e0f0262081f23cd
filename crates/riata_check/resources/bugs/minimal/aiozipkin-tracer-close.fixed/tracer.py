class Tracer:
    def __init__(self, transport):
        self._transport = transport

    async def close(self) -> None:
        await self._transport.close()
