from client import MCPAppClient


def resolve_app_id(client: MCPAppClient, name: str) -> str:
    app = client.get_app_by_name(name)  # bug
    if not app:  # bug
        raise ValueError(name)
    return app.appId  # bug
