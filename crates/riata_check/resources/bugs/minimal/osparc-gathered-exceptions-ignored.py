"""Tells every socket of a user that the user has logged out."""

import asyncio
from collections.abc import Iterable

import socketio


async def log_out(server: socketio.AsyncServer, sockets: Iterable[str]) -> None:
    messages = [
        server.emit("logout", to=socket, data={"reason": "logged out"}) for socket in sockets
    ]
    await asyncio.gather(*messages, return_exceptions=True)  # bug
