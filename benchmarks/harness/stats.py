"""Medians, spread, and paired ratios with an interval that assumes nothing about the noise.

No means and no standard deviations: one round in which the machine was busy must not move a result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the sample lies, interpolated."""
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    low = math.floor(position)
    high = math.ceil(position)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def spread(values: Sequence[float]) -> float:
    """Width of the middle half, as a share of the median."""
    return (quantile(values, 0.75) - quantile(values, 0.25)) / median(values)


@dataclass(frozen=True)
class Ratio:
    """How many times cheaper one loop is than another: the median of paired ratios.

    `low` and `high` are order statistics between which the true median lies with probability
    `coverage`; with fewer than six pairs no interval reaches 95 % and `coverage` says so.
    """

    median: float
    low: float
    high: float
    coverage: float
    pairs: int

    @property
    def trusted(self) -> bool:
        return self.coverage >= CONFIDENCE


def paired_ratio(theirs: Sequence[float], ours: Sequence[float]) -> Ratio:
    """`theirs / ours`, round by round; above 1 means that ours is cheaper."""
    assert len(theirs) == len(ours) > 0, "ratios are of values from the same rounds"
    ratios = sorted(a / b for a, b in zip(theirs, ours, strict=True))
    rank = sign_test_rank(len(ratios))
    return Ratio(
        median=median(ratios),
        low=ratios[rank],
        high=ratios[-1 - rank],
        coverage=1 - 2 * binomial_tail(len(ratios), rank),
        pairs=len(ratios),
    )


def sign_test_rank(count: int) -> int:
    """How many values can be left off at each end of a sorted sample at 95 % confidence.

    A value is below the true median with probability 1/2, so the number below it is binomial.
    """
    rank = 0
    while 2 * binomial_tail(count, rank + 1) <= 1 - CONFIDENCE:
        rank += 1
    return rank


def binomial_tail(count: int, rank: int) -> float:
    """Probability that at most `rank` of `count` fair coins show heads."""
    return sum(math.comb(count, heads) for heads in range(rank + 1)) / 2**count
