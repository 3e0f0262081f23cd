import inspect
from collections.abc import Callable
from typing import Any

import background


def handle(handler: Callable[..., Any], event: object) -> None:
    result = handler(event)
    if inspect.iscoroutine(result):
        background.create(result, name=str(handler))  # bug
