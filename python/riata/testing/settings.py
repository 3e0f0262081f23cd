"""What the plugin is told: command line, ini file, and the marker `riata` of a test."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pytest

__all__ = ["LEAKS", "Settings", "add_options", "is_on", "marked", "settings_of"]

LEAKS = ("error", "warn", "off")

_HAS_FLOATS = hasattr(pytest, "HIDDEN_PARAM")  # 8.4, where ini values may be of type float


def _seconds(value: Any) -> float:
    """A number of seconds, 0 for none."""
    if isinstance(value, bool):
        raise TypeError(value)
    seconds = float(value)
    if not 0 <= seconds < float("inf"):
        raise ValueError(value)
    return seconds


def _leaks(value: Any) -> str:
    """One of error, warn and off."""
    if value not in LEAKS:
        raise ValueError(value)
    return str(value)


def _flag(value: Any) -> bool:
    """Either True or False."""
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _setting(default: Any, kind: Callable[[Any], Any], text: str) -> Any:
    return field(default=default, metadata={"kind": kind, "help": text})


@dataclass(frozen=True)
class Settings:
    """What holds for one test. Each is `riata_NAME` in the ini file, `--riata-NAME` unless it is a flag, and `NAME` in the marker."""

    timeout: float = _setting(
        60.0, _seconds, "seconds for each phase of a test: set-up, call, tear-down; 0 for none"
    )
    leaks: str = _setting(
        "warn",
        _leaks,
        "what becomes of a test that leaves something behind: error, it fails; warn, the summary says so; off",
    )
    blocked_after: float = _setting(
        0.1, _seconds, "seconds after which a callback that blocks the loop is named; 0 for never"
    )
    one_task: bool = _setting(
        False, _flag, "run the async fixtures of a test and the test itself in one task"
    )
    virtual_time: bool = _setting(
        False, _flag, "run async tests on a clock that jumps when every task waits"
    )


_NAMES = ", ".join(f"{known.name}=..." for known in fields(Settings))
MARKER = f"riata(*, {_NAMES}): settings of riata's plugin for this test"


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
    parser.addini(
        "riata_loop",
        "run async tests and fixtures on riata's event loop",
        type="bool",
        default=False,
    )
    for known in fields(Settings):
        name, kind, text = f"riata_{known.name}", known.metadata["kind"], known.metadata["help"]
        if kind is _flag:
            parser.addini(name, text, type="bool", default=known.default)
            continue
        number = kind is _seconds
        group.addoption(
            f"--{name.replace('_', '-')}",
            default=None,
            metavar="SECONDS" if number else "WHAT",
            help=f"{text} (ini: {name}; default {known.default:g})"
            if number
            else f"{text} (ini: {name}; default {known.default})",
        )
        ini: Any = "float" if number and _HAS_FLOATS else "string"
        parser.addini(name, text, type=ini, default=None)


def is_on(config: pytest.Config) -> bool:
    """Whether async tests run on riata's loop."""
    said = config.getoption("riata")
    return bool(_ini(config, "riata_loop", "true or false") if said is None else said)


def settings_of(config: pytest.Config) -> Settings:
    """What command line and ini file say.

    Raises:
        pytest.UsageError: a value is not what it can be.
    """
    said = {}
    for known in fields(Settings):
        name = f"riata_{known.name}"
        source = f"--{name.replace('_', '-')}"
        value = config.getoption(name, None)
        if value is None:
            value, source = _ini(config, name, _words(known)), name
        if value is None:
            continue
        try:
            said[known.name] = known.metadata["kind"](value)
        except (TypeError, ValueError):
            raise pytest.UsageError(f"{source} must be {_words(known)}, not {value!r}") from None
    return Settings(**said)


def marked(settings: Settings, item: pytest.Item) -> Settings:
    """The settings of one test: those of its markers `riata` go before, the nearest first."""
    markers = list(item.iter_markers("riata"))
    if not markers:
        return settings
    kinds = {known.name: known for known in fields(Settings)}
    for marker in reversed(markers):
        if marker.args or not kinds.keys() >= marker.kwargs.keys():
            names = ", ".join(sorted(kinds))
            pytest.fail(
                f"{item.nodeid}: the marker riata takes these keyword arguments only: {names}",
                pytrace=False,
            )
        said = {}
        for name, value in marker.kwargs.items():
            try:
                said[name] = kinds[name].metadata["kind"](value)
            except (TypeError, ValueError):
                pytest.fail(
                    f"{item.nodeid}: riata({name}=) must be {_words(kinds[name])}, not {value!r}",
                    pytrace=False,
                )
        settings = replace(settings, **said)
    return settings


def _ini(config: pytest.Config, name: str, words: str) -> Any:
    try:
        return config.getini(name)
    except (TypeError, ValueError, pytest.UsageError) as error:  # which need not name the option
        raise pytest.UsageError(f"{name} must be {words}: {error}") from None


def _words(known: Any) -> str:
    text: str = known.metadata["kind"].__doc__
    return text[0].lower() + text[1:].rstrip(".")
