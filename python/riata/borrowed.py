"""asyncio's own functions, with other names among their globals or in another class: so each Python keeps its own code, and
few classes change.
"""

from types import CellType, FunctionType
from typing import Any

__all__ = ["with_class", "with_globals"]


def with_class(function: Any, owner: type) -> Any:
    """The same method, whose `super()` is that of `owner`."""
    assert function.__code__.co_freevars == ("__class__",)
    return _copy(function, function.__globals__, (CellType(owner),))


def with_globals(function: Any, **names: Any) -> Any:
    """The same function, which finds `names` where it looked its module's up; the rest is as the module has it now."""
    return _copy(function, {**function.__globals__, **names}, function.__closure__)


def _copy(function: Any, names: dict[str, Any], closure: Any) -> Any:
    ours = FunctionType(function.__code__, names, function.__name__, function.__defaults__, closure)
    ours.__kwdefaults__ = function.__kwdefaults__
    ours.__doc__ = function.__doc__
    ours.__qualname__ = function.__qualname__
    return ours
