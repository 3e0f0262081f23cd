"""The plain client; the async one overrides how a request is made."""

from typing import Any


class Results:
    def __init__(self, response: Any) -> None:
        self.response = response
        self._data: dict[str, Any] | None = None

    def data(self) -> dict[str, Any]:
        if self._data is None:
            self._data = self.response.json()
        return self._data
