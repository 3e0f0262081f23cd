import asyncio


class AioClient:
    def __init__(self):
        self.reader = asyncio.StreamReader()
        self.reader.feed_data = self.on_event

    def on_event(self, data):
        print(data)
