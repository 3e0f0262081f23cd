"""Keeps the open websockets and sends each of them what happens."""

from typing import Any

from tornado.websocket import WebSocketHandler


class Clients:
    def __init__(self) -> None:
        self.websockets: dict[int, WebSocketHandler] = {}

    def add(self, websocket: WebSocketHandler) -> None:
        self.websockets[id(websocket)] = websocket

    def remove(self, websocket: WebSocketHandler) -> None:
        self.websockets.pop(id(websocket), None)

    async def notify(self, name: str, data: dict[str, Any]) -> None:
        for websocket in list(self.websockets.values()):
            await websocket.write_message({"method": name, "params": data})
