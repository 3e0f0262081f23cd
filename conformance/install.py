"""Puts a form's loop and classes where asyncio, and its tests, look for theirs."""

import asyncio
import asyncio.futures
import asyncio.tasks
import importlib
import sys
from asyncio import unix_events

from conformance.forms import Form

# Submodules that took Task and Future by name when they were imported.
USERS = ("events", "locks", "queues", "runners", "staggered", "taskgroups", "threads", "timeouts")


class LoopFactory:
    """Makes the form's loops and counts them."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.made = 0

    def __call__(self) -> asyncio.AbstractEventLoop:
        self.made += 1
        return self.form.new_loop()


def install(form: Form) -> LoopFactory:
    """To be called before any module of the suite is imported."""
    factory = LoopFactory(form)
    # The policy's new_event_loop() calls this attribute, on every version; 3.14 renamed the class.
    policy = (
        getattr(unix_events, "_UnixDefaultEventLoopPolicy", None) or asyncio.DefaultEventLoopPolicy
    )
    policy._loop_factory = staticmethod(factory)
    _swap(form.classes())
    return factory


def _swap(classes: dict[str, object]) -> None:
    for name in USERS if classes else ():
        try:
            importlib.import_module(f"asyncio.{name}")
        except ImportError:  # newer than this Python
            pass
    for name, new in classes.items():
        old = getattr(asyncio, name)
        for module in [m for key, m in sys.modules.items() if key.partition(".")[0] == "asyncio"]:
            if getattr(module, name, None) is old:
                setattr(module, name, new)
    # The suite takes the classes that are written in C by these names.
    if "Task" in classes:
        asyncio.tasks._CTask = classes["Task"]
    if "Future" in classes:
        asyncio.futures._CFuture = classes["Future"]
