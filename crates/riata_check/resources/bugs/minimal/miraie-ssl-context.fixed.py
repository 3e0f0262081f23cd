import asyncio
import ssl

import aiomqtt
import certifi


class Broker:
    def __init__(self, host):
        self.host = host

    async def connect(self, user, password):
        context = await asyncio.to_thread(
            ssl.create_default_context, cafile=certifi.where()
        )
        async with aiomqtt.Client(
            self.host, username=user, password=password, tls_context=context
        ) as client:
            async for message in client.messages:
                print(message.payload)
