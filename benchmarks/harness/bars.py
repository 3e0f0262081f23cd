"""Compares a run with the bars of a TOML file and says, for each, met or missed and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.results import Row
from harness.stats import Ratio


@dataclass(frozen=True)
class Bar:
    """`peer` is the loop to beat by a factor of `limit`, or None for a most that is absolute."""

    case: str
    peer: str | None
    limit: float


@dataclass(frozen=True)
class Bars:
    named: tuple[Bar, ...]
    every: tuple[tuple[str, float], ...]

    def case_names(self) -> list[str]:
        return list(dict.fromkeys(bar.case for bar in self.named))


@dataclass(frozen=True)
class Verdict:
    bar: Bar
    title: str
    outcome: str
    measured: str

    @property
    def missed(self) -> bool:
        return self.outcome.startswith("missed")


def load(path: Path) -> Bars:
    import tomllib  # Python 3.11; the rest of the harness runs on 3.10 too

    with path.open("rb") as file:
        table = tomllib.load(file)
    named = []
    for entry in table["bar"]:
        for key, limit in entry.items():
            if key != "case":
                peer = None if key == "at_most" else key
                named.append(Bar(entry["case"], peer, limit))
    return Bars(tuple(named), tuple(table.get("every", {}).items()))


def load_reasons(path: Path) -> dict[str, str]:
    """Why a case is slow, by case, as far as somebody has found out."""
    import tomllib

    if not path.exists():
        return {}
    with path.open("rb") as file:
        return dict(tomllib.load(file).get("reasons", {}))


def judge(bars: Bars, rows: list[Row], subject: str, scale: float = 1.0) -> list[Verdict]:
    """One verdict per bar whose case was run; `scale` asks for a share of each named ratio."""
    verdicts: list[Verdict] = []
    for row in rows:
        named = [bar for bar in bars.named if bar.case == row.case]
        for bar in named:
            limit = bar.limit if bar.peer is None or bar.limit <= 1 else max(1, bar.limit * scale)
            verdicts.append(judge_one(Bar(bar.case, bar.peer, limit), row, subject))
        for peer, limit in bars.every:
            covered = any(bar.peer == peer for bar in named)
            if row.group != "memory" and not covered and peer in row.medians:
                verdicts.append(judge_one(Bar(row.case, peer, limit), row, subject))
    return verdicts


def judge_one(bar: Bar, row: Row, subject: str) -> Verdict:
    if subject not in row.medians:
        return Verdict(bar, row.title, "missed: not measured", "-")
    if bar.peer is None:
        value = row.medians[subject]
        outcome = "met" if value <= bar.limit else f"missed by {value / bar.limit - 1:.0%}"
        return Verdict(bar, row.title, outcome, f"{value:.0f} {row.unit}")
    ratio = row.ratios.get(bar.peer)
    if ratio is None:
        return Verdict(bar, row.title, "not compared", "-")
    return Verdict(bar, row.title, outcome_of(ratio, bar.limit), ratio_text(ratio))


def outcome_of(ratio: Ratio, limit: float) -> str:
    """Literal reading of "the interval reaches it"; a median below the bar is said to be so."""
    few = "" if ratio.trusted else " (too few rounds to be sure)"
    if ratio.high < limit:
        return f"missed by {1 - ratio.median / limit:.0%}{few}"
    if ratio.low >= limit:
        return f"met, whole interval{few}"
    if ratio.median >= limit:
        return f"met{few}"
    return f"met, median {1 - ratio.median / limit:.0%} below{few}"


def ratio_text(ratio: Ratio) -> str:
    return f"{ratio.median:.2f}x [{ratio.low:.2f}-{ratio.high:.2f}]"


def print_verdicts(verdicts: list[Verdict]) -> None:
    """Misses first."""
    print()
    for verdict in sorted(verdicts, key=lambda verdict: not verdict.missed):
        bar = verdict.bar
        what = f"at most {bar.limit:g}" if bar.peer is None else f"{bar.limit:g}x {bar.peer}"
        print(f"{verdict.title[:44]:44} {what:>14}  {verdict.measured:>22}  {verdict.outcome}")
    missed = sum(verdict.missed for verdict in verdicts)
    print(f"{len(verdicts) - missed} bars met, {missed} missed")
