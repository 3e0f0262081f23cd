"""Order of measuring, and what happens when something cannot be measured."""

from collections import Counter
from typing import Any

from cases.registry import Case
from harness.campaign import run_campaign, schedule, values_by_round
from harness.contestants import Contestant
from harness.errors import MeasurementError
from harness.results import summarise

CASES = [Case(name, name, "micro", "op") for name in ("first", "second")]
LOOPS = [Contestant(name, f"{name}:loop") for name in ("a", "b", "c")]


def ignore(line: str, important: bool) -> None:
    pass


def test_every_loop_runs_every_case_once_a_round() -> None:
    taken = Counter(
        (number, case.name, loop.name) for number, case, loop in schedule(CASES, LOOPS, 4)
    )
    assert len(taken) == 4 * 2 * 3
    assert set(taken.values()) == {1}


def test_each_loop_starts_equally_often() -> None:
    starts = Counter()
    for number in range(3):
        order = [
            loop.name
            for turn, case, loop in schedule(CASES, LOOPS, 3)
            if (turn, case.name) == (number, "first")
        ]
        starts[order[0]] += 1
    assert starts == {"a": 1, "b": 1, "c": 1}


def test_a_floor_runs_the_plain_echo_only() -> None:
    echo = Case("echo", "echo", "echo", "request", settings={"arguments": ("protocol",)})
    streams = Case("streams", "streams", "echo", "request", settings={"arguments": ("streams",)})
    floor = Contestant("c")
    taken = [case.name for _, case, _ in schedule([*CASES, echo, streams], [floor], 1)]
    assert taken == ["echo"]


def test_a_failure_is_reported_once_and_costs_no_more_time() -> None:
    calls: list[str] = []

    def measure(case: Case, loop: Contestant) -> dict[str, Any]:
        calls.append(loop.name)
        if loop.name == "b":
            raise MeasurementError("no such thing")
        return {"value": 1.0}

    samples = run_campaign(CASES[:1], LOOPS, 3, measure, ignore)
    assert Counter(calls) == {"a": 3, "b": 1, "c": 3}
    errors = [sample for sample in samples if "error" in sample]
    assert [(sample["loop"], sample["error"]) for sample in errors] == [("b", "no such thing")]
    assert ("first", "b") not in values_by_round(samples)


def test_rounds_that_one_loop_lacks_are_left_out_of_its_ratio() -> None:
    samples = [
        {"round": 0, "case": "first", "loop": "a", "value": 30.0},
        {"round": 0, "case": "first", "loop": "b", "value": 10.0},
        {"round": 1, "case": "first", "loop": "a", "value": 99.0},
    ]
    run = {
        "loops": {"a": {}, "b": {}},
        "cases": {"first": {"title": "first", "group": "micro", "unit": "op"}},
        "samples": samples,
    }
    (row,) = summarise(run, "b")
    assert (row.ratios["a"].median, row.ratios["a"].pairs) == (3.0, 1)


def test_streams_are_compared_with_the_floor_of_the_plain_echo() -> None:
    about = {"title": "", "group": "echo", "unit": "request", "floor_case": "protocol"}
    run = {
        "loops": {"c": {}, "riata": {}},
        "cases": {"protocol": about, "streams": about},
        "samples": [
            {"round": 0, "case": "protocol", "loop": "c", "value": 5.0},
            {"round": 0, "case": "streams", "loop": "riata", "value": 10.0},
        ],
    }
    streams = summarise(run)[1]
    assert streams.ratios["c"].median == 0.5
