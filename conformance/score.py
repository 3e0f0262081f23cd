"""Compares a form with its baseline: only what asyncio itself passes here is scored."""

import re
from collections import Counter
from dataclasses import dataclass, field

from conformance.differences import ON_PURPOSE
from conformance.forms import Form
from conformance.supervisor import ModuleRun, Outcome

Runs = dict[str, ModuleRun]


@dataclass
class Score:
    counts: dict[str, Counter] = field(default_factory=dict)  # by module
    failures: list[tuple[str, Outcome]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # modules that did not load or end
    flaky: list[str] = field(default_factory=list)

    @property
    def total(self) -> Counter:
        return sum(self.counts.values(), Counter())

    @property
    def scored(self) -> int:
        return self.total["passed"] + self.total["failed"]

    def holds(self, floor: int) -> bool:
        return not self.failures and not self.problems and self.scored >= floor


def score(form: Form, runs: Runs, baseline: Runs) -> Score:
    result = Score()
    for module, run in runs.items():
        expected = baseline[module]
        counts = result.counts[module] = Counter(left_out=len(expected.left_out))
        for who, one in ((form.baseline, expected), (form.name, run)):
            if one.problem:
                result.problems.append(f"{module} ({who}): {one.problem}")
        for test, reference in expected.outcomes.items():
            outcome = run.outcomes.get(test) or Outcome("failed", "was not run")
            kind = _kind(form, test, reference, outcome)
            counts[kind] += 1
            if kind == "failed":
                result.failures.append((test, outcome))
            if outcome.flaky:
                result.flaky.append(test)
    return result


def _kind(form: Form, test: str, reference: Outcome, outcome: Outcome) -> str:
    if reference.what != "passed":
        return "not_asyncio"  # not passed by asyncio itself
    if not form.swaps and not reference.loops:
        return "no_loop"  # made no loop, so says nothing of one
    if any(re.search(pattern, test) for pattern in ON_PURPOSE):
        return "on_purpose"
    return "passed" if outcome.what == "passed" else "failed"
