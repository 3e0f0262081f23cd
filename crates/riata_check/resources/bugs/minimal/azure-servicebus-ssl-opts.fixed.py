import asyncio
import ssl


class Transport:
    def __init__(self, host, options):
        self.host = host
        self.options = options

    def _context(self, options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(options["ca_certs"])
        return context

    async def connect(self):
        context = await asyncio.to_thread(self._context, self.options)
        return await asyncio.open_connection(self.host, 5671, ssl=context)
