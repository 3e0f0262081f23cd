"""What a probe is, and the list of all of them."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# The modules in `probes/`, in the order of the page.
TOPICS = (
    "callbacks",
    "timers",
    "tasks",
    "running",
    "handlers",
    "executor",
    "signalling",
    "processes",
    "subprocesses",
    "tcp",
    "transports",
    "servers",
    "unix",
    "tls",
    "sendfile",
    "sock",
    "datagrams",
    "pipes",
    "descriptors",
)


@dataclass(frozen=True)
class Probe:
    """A function that raises when a loop does not do what asyncio's does.

    `async def` probes run on a loop and are given it; plain ones are given a function that makes loops.
    """

    name: str
    title: str
    topic: str
    run: Callable[[Any], Any]
    issue: str | None

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.run)


def probe(
    *, issue: str | None = None, since: tuple[int, int] = (3, 10), linux: bool = False
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Mark a function as a probe. Its docstring is the row's title.

    Args:
        issue: where users asked for it, such as `uvloop#228`.
        since: the first Python whose asyncio does this; the probe is left out on older ones.
        linux: left out on other systems.
    """

    def mark(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        function.probe = {  # type: ignore[attr-defined]
            "issue": issue,
            "applies": sys.version_info >= since and (not linux or sys.platform == "linux"),
        }
        return function

    return mark


def topic_title(topic: str) -> str:
    module = importlib.import_module(f"probes.{topic}")
    return (module.__doc__ or topic).strip().splitlines()[0].rstrip(".")


def all_probes() -> list[Probe]:
    """Every probe that applies to this Python and system, in the order of the page."""
    found = []
    for topic in TOPICS:
        module = importlib.import_module(f"probes.{topic}")
        for name, function in vars(module).items():
            about = getattr(function, "probe", None)
            if about is None or not about["applies"]:
                continue
            title = " ".join((function.__doc__ or "").split()).rstrip(".")
            if not title:
                raise ValueError(
                    f"the probe {topic}.{name} has no docstring; it is the row's title"
                )
            found.append(Probe(f"{topic}.{name}", title, topic, function, about["issue"]))
    return found
