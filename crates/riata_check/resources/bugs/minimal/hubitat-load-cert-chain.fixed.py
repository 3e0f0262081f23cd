import asyncio
import ssl

from aiohttp import web


class Server:
    def __init__(self, certificate, key):
        self._certificate = certificate
        self._key = key

    async def start(self, runner):
        context = None
        if self._certificate and self._key:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            await asyncio.to_thread(context.load_cert_chain, self._certificate, self._key)
        await web.TCPSite(runner, port=0, ssl_context=context).start()
