"""The part that talks to the window system: it knows nothing of coroutines."""

from collections.abc import Callable


class Window:
    def __init__(self, closed: Callable[[], bool]) -> None:
        self._closed = closed

    def close(self) -> None:
        if self._closed():
            self.destroy()

    def destroy(self) -> None:
        pass
