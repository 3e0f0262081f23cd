from dataclasses import dataclass, field


@dataclass
class Player:
    name: str
    ws: object
    connected: bool = True


@dataclass
class GameState:
    players: dict[str, Player] = field(default_factory=dict)

    def add_player(self, name: str, ws) -> Player:
        self.players[name] = Player(name, ws)
        return self.players[name]

    def remove_player(self, name: str) -> None:
        self.players.pop(name, None)
