from websockets.client import WebSocketClientProtocol, connect


class Client:
    def __init__(self) -> None:
        self._websocket: WebSocketClientProtocol | None = None

    async def connect(self, uri: str) -> None:
        self._websocket = await connect(uri)

    async def close(self, code: int = 1000) -> None:
        if self._websocket is not None:
            await self._websocket.close(code)
