import asyncio


class Server:
    def __init__(self, loop=None):
        self.loop = loop or asyncio.get_event_loop()  # error: RIA412

    def schedule(self, callback):
        asyncio.get_event_loop().call_soon(callback)  # error: RIA412

    def schedule_where_one_runs(self, callback):
        asyncio.get_running_loop().call_soon(callback)

    def schedule_if_one_runs(self, callback):
        try:
            loop = asyncio.get_event_loop()
        except RuntimeError:
            return
        loop.call_soon(callback)

    async def serve(self):
        return asyncio.get_event_loop()

    def new(self):
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        return asyncio.get_event_loop()


# The other rule reports it.
def main(serve):
    loop = asyncio.get_event_loop()
    loop.run_until_complete(serve())
