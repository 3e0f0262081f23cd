"""What stands behind riata's pytest plugin, `riata.pytest_plugin`: its settings, its loop, and how other plugins get that.

`new_test_loop` is for whoever asks for a loop factory: anyio's plugin, a conftest's own hook of pytest-asyncio's.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from riata.testing.loop import new_test_loop

__all__ = ["new_test_loop"]


def __getattr__(name: str) -> Any:
    # The plugin is there in every run of pytest, and does not import the loop until it is switched on.
    if name == "new_test_loop":
        from riata.testing.loop import new_test_loop

        return new_test_loop
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
