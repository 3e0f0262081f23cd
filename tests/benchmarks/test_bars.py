"""Met or missed, and that no bar names a case that does not exist."""

from pathlib import Path

import pytest

tomllib = pytest.importorskip("tomllib", reason="bars.toml is read on Python 3.11 and newer")

from cases import all_cases  # noqa: E402
from harness import bars  # noqa: E402
from harness.bars import Bar, Bars  # noqa: E402
from harness.results import Row  # noqa: E402
from harness.stats import Ratio  # noqa: E402

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "bars.toml"


def row(case: str = "x", group: str = "micro", **ratios: tuple[float, float, float]) -> Row:
    """A row in which riata took 100; ratios are (low, median, high)."""
    return Row(
        case=case,
        title=case,
        group=group,
        unit="op",
        medians={"riata": 100.0, **dict.fromkeys(ratios, 1.0)},
        spreads={},
        ratios={
            peer: Ratio(median, low, high, 0.965, 15)
            for peer, (low, median, high) in ratios.items()
        },
    )


@pytest.mark.parametrize(
    ("interval", "outcome"),
    [
        ((2.0, 2.2, 2.4), "met, whole interval"),
        ((1.9, 2.2, 2.4), "met"),
        ((1.5, 1.8, 2.0), "met, median 10% below"),
        ((1.2, 1.5, 1.9), "missed by 25%"),
    ],
)
def test_a_bar_is_met_when_the_interval_reaches_it(
    interval: tuple[float, float, float], outcome: str
) -> None:
    (verdict,) = bars.judge(Bars((Bar("x", "uvloop", 2.0),), ()), [row(uvloop=interval)], "riata")
    assert verdict.outcome == outcome


def test_a_most_that_is_absolute() -> None:
    limits = Bars((Bar("x", None, 80.0),), ())
    (verdict,) = bars.judge(limits, [row(group="memory")], "riata")
    assert verdict.outcome == "missed by 25%"


def test_the_rule_for_every_case_spares_memory_and_what_has_its_own_bar() -> None:
    rules = Bars((Bar("own", "asyncio", 3.0),), (("asyncio", 1.0),))
    slow = (0.5, 0.6, 0.7)
    rows = [row("own", asyncio=slow), row("plain", asyncio=slow)]
    rows.append(row("bytes", "memory", asyncio=slow))
    verdicts = bars.judge(rules, rows, "riata")
    assert [(verdict.bar.case, verdict.bar.limit) for verdict in verdicts] == [
        ("own", 3.0),
        ("plain", 1.0),
    ]
    assert all(verdict.missed for verdict in verdicts)


def test_a_share_of_the_bars_never_allows_to_be_slower() -> None:
    limits = Bars((Bar("x", "uvloop", 5.0), Bar("x", "asyncio", 1.4)), ())
    one = (1.0, 1.0, 1.0)
    verdicts = bars.judge(limits, [row(uvloop=one, asyncio=one)], "riata", scale=0.6)
    assert [verdict.bar.limit for verdict in verdicts] == [3.0, 1.0]


def test_what_was_not_measured_is_missed() -> None:
    nothing = Row("x", "x", "micro", "op", {}, {}, {}, {"riata": "it crashed"})
    (verdict,) = bars.judge(Bars((Bar("x", "uvloop", 1.0),), ()), [nothing], "riata")
    assert verdict.missed


def test_every_bar_is_for_a_case_that_exists() -> None:
    known = {case.name for case in all_cases()}
    assert set(bars.load(FILE).case_names()) <= known
