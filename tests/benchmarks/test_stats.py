"""The numbers behind every "faster": checked against values worked out by hand, and by simulation."""

import random

import pytest
from harness import stats


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3.0], 3.0), ([1.0, 9.0, 2.0], 2.0), ([4.0, 1.0, 2.0, 100.0], 3.0)],
)
def test_median(values: list[float], expected: float) -> None:
    assert stats.median(values) == expected


def test_spread_is_of_the_middle_half() -> None:
    assert stats.spread([10.0, 11.0, 12.0, 13.0, 1000.0]) == pytest.approx(2 / 12)


def test_fifteen_pairs_leave_off_three_at_each_end() -> None:
    """P(X <= 3) of 15 coins is 576/32768: 96.5 % of intervals from the 4th to the 12th hold it."""
    theirs = [float(number) for number in range(1, 16)]
    ratio = stats.paired_ratio(theirs, [1.0] * 15)
    assert (ratio.median, ratio.low, ratio.high) == (8.0, 4.0, 12.0)
    assert ratio.coverage == pytest.approx(1 - 2 * 576 / 32768)
    assert ratio.trusted


@pytest.mark.parametrize(("pairs", "trusted"), [(1, False), (5, False), (6, True)])
def test_few_pairs_are_not_trusted(pairs: int, trusted: bool) -> None:
    ratio = stats.paired_ratio([2.0] * pairs, [1.0] * pairs)
    assert ratio.trusted is trusted


def test_ratios_are_taken_within_a_round() -> None:
    """Twice as slow in every round, whatever the machine did in it."""
    weather = [1.0, 5.0, 2.0, 9.0, 1.5, 3.0]
    ratio = stats.paired_ratio([2 * factor for factor in weather], weather)
    assert (ratio.low, ratio.median, ratio.high) == (2.0, 2.0, 2.0)


def test_the_interval_holds_the_true_median_as_often_as_it_says() -> None:
    generator = random.Random(1)
    held = 0
    for _ in range(2_000):
        noise = [generator.lognormvariate(0.0, 0.5) for _ in range(15)]
        ratio = stats.paired_ratio(noise, [1.0] * 15)
        held += ratio.low <= 1.0 <= ratio.high
    assert held / 2_000 == pytest.approx(0.965, abs=0.015)
