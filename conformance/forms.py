"""The forms in which the suite is run: whose loop, whose Task and Future."""

import asyncio
import importlib
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    name: str
    title: str
    loop: str  # `module:factory`
    task: str = ""  # `module:Class`; empty: asyncio's stays
    future: str = ""
    baseline: str = ""  # the form that says what asyncio itself passes

    @property
    def swaps(self) -> bool:
        return bool(self.task)

    def classes(self) -> dict[str, type]:
        named = {"Task": self.task, "Future": self.future}
        return {name: named_object(spec) for name, spec in named.items() if spec}

    def new_loop(self) -> asyncio.AbstractEventLoop:
        factory: Callable[[], asyncio.AbstractEventLoop] = named_object(self.loop)
        return factory()


ASYNCIO = "asyncio:SelectorEventLoop"
RIATA = "riata:new_event_loop"
RIATA_CLASSES = {"task": "riata:Task", "future": "riata:Future"}

FORMS = {
    form.name: form
    for form in (
        Form("asyncio", "asyncio itself", ASYNCIO),
        Form("loop", "riata's loop", RIATA, baseline="asyncio"),
        Form(
            "swap",
            "riata's Task and Future on asyncio's loop",
            ASYNCIO,
            **RIATA_CLASSES,
            baseline="asyncio",
        ),
        Form(
            "both",
            "riata's Task and Future on riata's loop",
            RIATA,
            **RIATA_CLASSES,
            baseline="asyncio",
        ),
        Form(
            "broken",
            "a loop that breaks the order of call_soon",
            "conformance.broken:new_event_loop",
            baseline="asyncio",
        ),
    )
}
SCORED = ("loop", "swap", "both")


def named_object(spec: str):
    module, _, name = spec.partition(":")
    return getattr(importlib.import_module(module), name)
