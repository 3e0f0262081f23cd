"""What a run prints."""

from collections import Counter

from conformance.forms import Form
from conformance.score import Runs, Score
from conformance.supervisor import Outcome

COLUMNS = {
    "passed": "passed",
    "failed": "failed",
    "on_purpose": "on purpose",
    "left_out": "left out",
    "no_loop": "no loop",
    "not_asyncio": "not asyncio",
}
DETAIL_LINES_MAX = 25


def table(score: Score) -> str:
    rows = [("module", *COLUMNS.values())]
    rows += [_row(module, counts) for module, counts in score.counts.items()]
    rows.append(_row("in all", score.total))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    return "\n".join(lines)


def _row(name: str, counts: Counter) -> tuple[str, ...]:
    return (name, *(str(counts[key]) for key in COLUMNS))


def troubles(score: Score) -> str:
    parts = [_failure(test, outcome) for test, outcome in score.failures]
    parts += [f"flaky: {short(test)}" for test in score.flaky]
    parts += [f"problem: {problem}" for problem in score.problems]
    return "\n".join(parts)


def _failure(test: str, outcome: Outcome) -> str:
    detail = "\n".join(outcome.detail.strip().splitlines()[-DETAIL_LINES_MAX:])
    return f"{outcome.what}: {short(test)}\n" + "".join(
        f"    {line}\n" for line in detail.splitlines()
    )


def left_out(runs: Runs) -> str:
    """Test by test, with the reason of each."""
    reasons = {test: why for run in runs.values() for test, why in run.left_out.items()}
    return "\n".join(f"{short(test)}: {why}" for test, why in sorted(reasons.items()))


def summary(form: Form, score: Score, floor: int) -> str:
    text = f"{form.title}: {score.total['passed']} of {score.scored} passed"
    if score.scored < floor:
        text += f", FEWER THAN {floor} SCORED"
    return text


def short(test: str) -> str:
    return test.removeprefix("test.test_asyncio.")
