import asyncio


class Collector:
    def __init__(self, session, credentials):
        self._session = session
        self._credentials = credentials

    async def _responses(self, *urls):
        requests = [self._session.get(url, auth=self._credentials) for url in urls]
        responses = list(await asyncio.gather(*requests))  # bug
        for response in responses:
            response.raise_for_status()
        return responses

    async def collect(self, *urls):
        try:
            return await self._responses(*urls)
        except Exception as error:
            return error
