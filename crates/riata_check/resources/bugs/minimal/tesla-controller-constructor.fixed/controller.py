"""Talks to cars through a server."""

import logging
import ssl

import httpx

_LOGGER = logging.getLogger(__name__)


class Controller:
    def __init__(self, token, session=None, certificate=None):
        self.token = token
        self.cars = {}
        context = ssl.create_default_context()
        if certificate:
            try:
                context.load_verify_locations(certificate)
            except (FileNotFoundError, ssl.SSLError):
                _LOGGER.warning("%s holds no certificate", certificate)
        self.session = session or httpx.AsyncClient(timeout=60, verify=context)

    async def connect(self):
        answer = await self.session.get("https://localhost/cars")
        self.cars = answer.json()
        return self.token
