"""The cases, by topic. Importing this package fills the registry; nothing is measured on import."""

from cases import (
    callbacks,
    endpoints,
    memory,
    native,
    primitives,
    runs,
    servers,
    tasks,
    threads,
    timers,
)
from cases.registry import Case, all_cases, find_cases

__all__ = [
    "Case",
    "all_cases",
    "callbacks",
    "endpoints",
    "find_cases",
    "memory",
    "native",
    "primitives",
    "runs",
    "servers",
    "tasks",
    "threads",
    "timers",
]
