"""What a soak has measured, and whether that is flat."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Sample:
    """What the process held at a moment when no client was at work."""

    seconds: float
    memory: int
    descriptors: int
    tasks: int
    objects: int
    blocks: int


# How much more the last third may hold than the first third after the warm-up. Memory comes in arenas and is
# never quite still; objects known to the collector and allocated blocks nearly are.
LIMITS = {"memory": 4_000_000, "descriptors": 0, "tasks": 0, "objects": 200, "blocks": 2_000}
WARM_UP = 0.2
# In a short run the arenas are still being filled.
SHORT_SECONDS = 300
MEMORY_IN_A_SHORT_RUN = 16_000_000


def limit(name: str, samples: list[Sample]) -> int:
    short = samples[-1].seconds - samples[0].seconds < SHORT_SECONDS
    return MEMORY_IN_A_SHORT_RUN if short and name == "memory" else LIMITS[name]


def growth(samples: list[Sample]) -> dict[str, float]:
    """By how much the median of the last third is above the first third's, and for the counts the worst against the worst."""
    kept = samples[int(len(samples) * WARM_UP) :]
    third = max(1, len(kept) // 3)
    grown = {}
    for name in LIMITS:
        first = [getattr(sample, name) for sample in kept[:third]]
        last = [getattr(sample, name) for sample in kept[-third:]]
        middle = max if name in ("descriptors", "tasks") else median
        grown[name] = middle(last) - middle(first)
    return grown


def complaints(samples: list[Sample]) -> list[str]:
    """What has grown, in words; nothing if all is flat."""
    return [
        f"{name}: {grown:+,.0f} from the first third to the last, at most {limit(name, samples):,} are allowed"
        for name, grown in growth(samples).items()
        if grown > limit(name, samples)
    ]
