"""Which of a process's interpreters this is: the extension serves the main one only."""

import _thread
from typing import Any

__all__ = ["is_main"]


def is_main() -> bool:
    """Return False in a sub-interpreter, such as those of `concurrent.interpreters` or of mod_wsgi."""
    asked: Any = getattr(_thread, "_is_main_interpreter", None)  # since 3.12
    if asked is not None:
        return bool(asked())
    try:
        import _xxsubinterpreters  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return True
    return int(_xxsubinterpreters.get_current()) == 0
