from time import sleep


class Transaction:
    def __init__(self, provider, identifier):
        self.provider = provider
        self.identifier = identifier

    async def await_committed(self, attempts=20, interval=1.0):
        for _ in range(attempts):
            details = await self.provider.details(self.identifier)
            if details.committed:
                return details
            sleep(interval)  # bug
