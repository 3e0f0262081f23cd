"""What the plugin is told: command line, ini file, and the marker `riata` of a test."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

__all__ = ["Settings", "add_options", "is_on", "marked", "settings_of"]

MARKER = "riata(*, timeout=...): settings of riata's plugin for this test"

_HAS_FLOATS = hasattr(pytest, "HIDDEN_PARAM")  # 8.4, where ini values may be of type float


@dataclass(frozen=True)
class Settings:
    """What holds for one test.

    Args:
        timeout: seconds for each of its phases (set-up, call, tear-down); 0 for none.
    """

    timeout: float = 60.0


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("riata", "async tests on riata's event loop")
    group.addoption(
        "--riata",
        action="store_true",
        default=None,
        help="run async tests and fixtures on riata's event loop (ini: riata_loop)",
    )
    group.addoption(
        "--no-riata",
        dest="riata",
        action="store_false",
        default=None,
        help="leave them on the loop that they are on without riata",
    )
    group.addoption(
        "--riata-timeout",
        type=float,
        default=None,
        metavar="SECONDS",
        help="end a test whose set-up, call or tear-down takes longer (ini: riata_timeout; default 60, 0 for none)",
    )
    parser.addini(
        "riata_loop",
        "run async tests and fixtures on riata's event loop",
        type="bool",
        default=False,
    )
    _add_seconds(parser, "riata_timeout", "seconds for each phase of an async test; 0 for none")


def _add_seconds(parser: pytest.Parser, name: str, text: str) -> None:
    kind: Any = "float" if _HAS_FLOATS else "string"
    parser.addini(name, text, type=kind, default=None)


def is_on(config: pytest.Config) -> bool:
    """Whether async tests run on riata's loop."""
    said = config.getoption("riata")
    return bool(config.getini("riata_loop") if said is None else said)


def settings_of(config: pytest.Config) -> Settings:
    """What command line and ini file say.

    Raises:
        pytest.UsageError: a value is no number of seconds.
    """
    timeout = config.getoption("riata_timeout")
    source = "--riata-timeout"
    if timeout is None:
        timeout, source = config.getini("riata_timeout"), "riata_timeout"
    if timeout in (None, ""):
        return Settings()
    try:
        return Settings(timeout=_seconds(timeout))
    except ValueError:
        raise pytest.UsageError(
            f"{source} must be a number of seconds, 0 for none, not {timeout!r}"
        ) from None


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 <= seconds < float("inf"):
        raise ValueError(value)
    return seconds


def marked(settings: Settings, item: pytest.Item) -> Settings:
    """The settings of one test: those of its markers `riata` go before, the nearest first."""
    known = {field.name for field in fields(Settings)}
    for marker in reversed(list(item.iter_markers("riata"))):
        if marker.args or not known.issuperset(marker.kwargs):
            names = ", ".join(sorted(known))
            pytest.fail(
                f"{item.nodeid}: the marker riata takes these keyword arguments only: {names}",
                pytrace=False,
            )
        settings = replace(settings, **_checked(item, marker.kwargs))
    return settings


def _checked(item: pytest.Item, values: Mapping[str, Any]) -> dict[str, float]:
    checked = {}
    for name, value in values.items():
        try:
            checked[name] = _seconds(value)
        except (TypeError, ValueError):
            pytest.fail(
                f"{item.nodeid}: riata({name}=) must be a number of seconds, 0 for none, not {value!r}",
                pytrace=False,
            )
    return checked
