from aiohttp import web

from game.state import GameState


class WebSocketHandler:
    def __init__(self, hass):
        self.hass = hass

    def _game(self) -> GameState | None:
        return self.hass.data["game"]

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async for message in ws:
            await self._handle_message(ws, message.json())
        return ws

    async def _handle_message(self, ws, data: dict) -> None:
        game_state = self._game()
        if game_state is None:
            return
        if data["type"] == "join":
            game_state.add_player(data["name"], ws)
        elif data["type"] == "leave":
            game_state.remove_player(data["name"])
        elif data["type"] == "reveal":
            for player in list(game_state.players.values()):
                if player.connected:
                    await player.ws.send_json({"type": "reveal", "to": player.name})
