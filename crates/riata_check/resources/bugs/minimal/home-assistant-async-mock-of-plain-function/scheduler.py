"""Stops scripts when the application ends."""


class Application:
    def __init__(self) -> None:
        self.stopping: list[str] = []


def stop_scripts_later(app: Application) -> None:
    app.stopping.append("scripts")


async def stop(app: Application) -> list[str]:
    stop_scripts_later(app)
    return app.stopping
