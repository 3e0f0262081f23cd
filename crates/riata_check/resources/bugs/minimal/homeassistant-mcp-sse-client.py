from mcp.client.sse import sse_client
from mcp.client.session import ClientSession


async def connect(url):
    async with sse_client(url=url) as streams, ClientSession(*streams) as session:  # bug
        await session.initialize()
        return await session.list_tools()
