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
    primitives: bool = False  # riata's locks, queues, timeouts and groups

    @property
    def swaps(self) -> bool:
        return bool(self.task) or self.primitives

    def classes(self) -> dict[str, object]:
        named = {"Task": self.task, "Future": self.future}
        classes = {name: named_object(spec) for name, spec in named.items() if spec}
        if self.primitives:
            native = importlib.import_module("riata.native").REPLACED
            names = [name for name in native if hasattr(asyncio, name)]
            classes.update({name: named_object(f"riata:{name}") for name in names})
        return classes

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
            "primitives",
            "riata's primitives on asyncio's loop",
            ASYNCIO,
            primitives=True,
            baseline="asyncio",
        ),
        Form(
            "all",
            "riata's primitives, Task and Future on riata's loop",
            RIATA,
            **RIATA_CLASSES,
            primitives=True,
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
SCORED = ("loop", "swap", "both", "primitives", "all")


def named_object(spec: str):
    module, _, name = spec.partition(":")
    return getattr(importlib.import_module(module), name)
