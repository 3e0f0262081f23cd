class App:
    appId: str


class MCPAppClient:
    async def get_app_by_name(self, name: str) -> App | None:
        return None
