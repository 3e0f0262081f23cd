import asyncio

from google.cloud import discoveryengine_v1beta


class VertexRetriever:
    def __init__(self, options=None):
        self._options = options
        self._client = discoveryengine_v1beta.SearchServiceClient(client_options=options)

    def _retrieve(self, text):
        request = discoveryengine_v1beta.SearchRequest(query=text)
        response = self._client.search(request)
        return [result.document for result in response.results]

    async def _aretrieve(self, text):
        return await asyncio.to_thread(self._retrieve, text)
