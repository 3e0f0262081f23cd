import json

from client import ZendeskClient
from mcp.server import Server

server = Server("zendesk")
zendesk = ZendeskClient("shop", "me@example.org", "token")


@server.call_tool()
async def call_tool(name: str, arguments: dict):
    if name == "get_ticket":
        ticket = zendesk.ticket(arguments["id"])  # bug
        return json.dumps(ticket)
    raise ValueError(name)
