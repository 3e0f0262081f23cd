async def connect(make):
    async with make() as session:
        return await session.list_tools()
