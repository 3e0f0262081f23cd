import socket


class LightsocksServer:
    async def handle(self, reader, writer):
        address = await reader.readline()
        host, port = address.split(b":")
        try:
            remote = socket.create_connection((host.decode(), int(port)))  # bug
        except ConnectionRefusedError:
            writer.close()
            return
        remote.setblocking(False)
