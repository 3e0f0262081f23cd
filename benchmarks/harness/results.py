"""From raw samples to what the tables show: medians, spread and paired ratios."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness import stats
from harness.campaign import values_by_round
from harness.contestants import FLOORS


@dataclass(frozen=True)
class Row:
    """One case of one run. Ratios are peer / subject: above 1, the subject is cheaper."""

    case: str
    title: str
    group: str
    unit: str
    medians: dict[str, float]
    spreads: dict[str, float]
    ratios: dict[str, stats.Ratio]
    errors: dict[str, str] = field(default_factory=dict)


def summarise(run: dict[str, Any], subject: str | None = None) -> list[Row]:
    """Rows in the order of the run's cases; `subject` is the loop that is compared with all."""
    subject = subject or default_subject(run)
    values = values_by_round(run["samples"])
    loops = list(run["loops"])
    share_floors(values, run["cases"])
    rows = []
    for case, about in run["cases"].items():
        measured = {loop: values[case, loop] for loop in loops if (case, loop) in values}
        rows.append(
            Row(
                case=case,
                title=about["title"],
                group=about["group"],
                unit=about["unit"],
                medians={loop: stats.median([*got.values()]) for loop, got in measured.items()},
                spreads={loop: stats.spread([*got.values()]) for loop, got in measured.items()},
                ratios=ratios_of(measured, subject),
                errors={
                    sample["loop"]: sample["error"]
                    for sample in run["samples"]
                    if sample["case"] == case and "error" in sample
                },
            )
        )
    return rows


def default_subject(run: dict[str, Any]) -> str:
    """riata when it took part, else the last loop of the list."""
    loops = [loop for loop in run["loops"] if loop not in FLOORS]
    return "riata" if "riata" in loops else loops[-1]


def ratios_of(measured: dict[str, dict[int, float]], subject: str) -> dict[str, stats.Ratio]:
    ours = measured.get(subject)
    if ours is None:
        return {}
    ratios = {}
    for loop, theirs in measured.items():
        rounds = sorted(ours.keys() & theirs.keys())
        if loop != subject and rounds:
            ratios[loop] = stats.paired_ratio(
                [theirs[number] for number in rounds], [ours[number] for number in rounds]
            )
    return ratios


def share_floors(
    values: dict[tuple[str, str], dict[int, float]], cases: dict[str, dict[str, Any]]
) -> None:
    """Give each echo case the floor that was measured with the protocol echo of its shape."""
    for case, about in cases.items():
        twin = about.get("floor_case")
        for floor in FLOORS:
            if twin and (twin, floor) in values:
                values.setdefault((case, floor), values[twin, floor])
