"""Interleaves: in each round every loop runs every case once, in an order that rotates.

Noise that lasts (a neighbour, a warm processor) then falls on all loops alike, and ratios are taken
between values of the same round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from cases.peers import cases_of
from cases.registry import Case

from harness.contestants import Contestant
from harness.errors import MeasurementError

Measure = Callable[[Case, Contestant], dict[str, Any]]


def run_campaign(
    cases: list[Case],
    contestants: list[Contestant],
    rounds: int,
    measure: Measure,
    report: Callable[[str, bool], None],
) -> list[dict[str, Any]]:
    """One sample per round, case and loop, in the order taken; failures carry `error`.

    A case that failed on a loop is not tried on it again. `report(line, important)` hears of each.
    """
    samples = []
    failed: set[tuple[str, str]] = set()
    for round_number, case, contestant in schedule(cases, contestants, rounds):
        key = (case.name, contestant.name)
        if key in failed:
            continue
        sample: dict[str, Any] = {
            "round": round_number,
            "case": case.name,
            "loop": contestant.name,
        }
        try:
            sample |= measure(case, contestant)
        except MeasurementError as error:
            failed.add(key)
            sample["error"] = str(error)
            report(f"failed: {case.name} on {contestant.name}: {error}", True)
        else:
            step = f"round {round_number + 1}/{rounds}: {case.name} {contestant.name}"
            report(f"{step} {sample['value']:.1f}", False)
        samples.append(sample)
    return samples


def schedule(
    cases: list[Case], contestants: list[Contestant], rounds: int
) -> Iterator[tuple[int, Case, Contestant]]:
    """Every case in every round, its loops side by side in time; who starts moves on by one."""
    for round_number in range(rounds):
        for case_number, case in enumerate(cases):
            takers = [contestant for contestant in contestants if applies(case, contestant)]
            first = (round_number + case_number) % max(1, len(takers))
            for contestant in takers[first:] + takers[:first]:
                yield round_number, case, contestant


def taking_part(cases: list[Case], contestants: list[Contestant]) -> list[Contestant]:
    """Those that have at least one of the cases.

    Raises:
        LookupError: nobody has.
    """
    takers = [
        contestant for contestant in contestants if any(applies(case, contestant) for case in cases)
    ]
    if not takers:
        raise LookupError("none of the loops has any of the cases\nhint: `--loops`, `--cases`")
    return takers


def applies(case: Case, contestant: Contestant) -> bool:
    """A floor runs only the plain echo, without TLS: streams and `sock_*` are the same bytes on the wire.

    A library runs what `cases/peers.py` has for it.
    """
    if contestant.is_library:
        return case.name in cases_of(contestant.name)
    settings = case.settings
    plain = settings.get("arguments") == ("protocol",) and settings.get("transport") != "tls"
    return plain or not contestant.is_floor


def values_by_round(samples: list[dict[str, Any]]) -> dict[tuple[str, str], dict[int, float]]:
    """`{(case, loop): {round: value}}` of what was measured without error."""
    table: dict[tuple[str, str], dict[int, float]] = {}
    for sample in samples:
        if "error" not in sample:
            row = table.setdefault((sample["case"], sample["loop"]), {})
            row[sample["round"]] = sample["value"]
    return table
