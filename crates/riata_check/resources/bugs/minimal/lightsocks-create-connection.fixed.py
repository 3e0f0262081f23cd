import asyncio


class LightsocksServer:
    async def handle(self, reader, writer):
        address = await reader.readline()
        host, port = address.split(b":")
        try:
            remote = await asyncio.open_connection(host.decode(), int(port))
        except ConnectionRefusedError:
            writer.close()
            return
        return remote
