"""asyncio's own functions, with other names among their globals: so each Python keeps its own code, and few classes change."""

from types import FunctionType
from typing import Any

__all__ = ["with_globals"]


def with_globals(function: Any, **names: Any) -> Any:
    """The same function, which finds `names` where it looked its module's up; the rest is as the module has it now."""
    ours = FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    ours.__kwdefaults__ = function.__kwdefaults__
    ours.__doc__ = function.__doc__
    ours.__qualname__ = function.__qualname__
    return ours
