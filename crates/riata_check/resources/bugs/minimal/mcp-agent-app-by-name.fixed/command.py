from client import MCPAppClient


async def resolve_app_id(client: MCPAppClient, name: str) -> str:
    app = await client.get_app_by_name(name)
    if not app:
        raise ValueError(name)
    return app.appId
