"""Tells every socket of a user that the user has logged out."""

import asyncio
import logging
from collections.abc import Iterable

import socketio

logger = logging.getLogger(__name__)


async def log_out(server: socketio.AsyncServer, sockets: Iterable[str]) -> None:
    messages = [
        server.emit("logout", to=socket, data={"reason": "logged out"}) for socket in sockets
    ]
    for outcome in await asyncio.gather(*messages, return_exceptions=True):
        if isinstance(outcome, BaseException):
            logger.warning("could not tell a socket of a logout", exc_info=outcome)
