"""Runs CPython's own tests of asyncio with riata in asyncio's place, and fails when riata fails one that asyncio passes.

python -m conformance                 riata's loop; its Task and Future on asyncio's loop; both
python -m conformance loop            one form only
python -m conformance --self-check    a loop that is known to be wrong must fail dozens
"""

import argparse
import concurrent.futures
import importlib.util
import os
import platform
import sys
from collections.abc import Callable

from conformance import differences, modules, report
from conformance.forms import FORMS, SCORED
from conformance.score import Runs, score
from conformance.supervisor import ModuleRun, run_again_what_failed, run_module

Run = Callable[[str, str], ModuleRun]  # of a form and a module

# Many short tests, of which few hang when the order is wrong.
SELF_CHECK_MODULES = ["test_tasks", "test_queues"]
SELF_CHECK_FAILURES_MIN = 24
SELF_CHECK_SILENCE_SECONDS_MAX = 15.0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("forms", nargs="*", metavar="FORM", help=f"of {', '.join(SCORED)}")
    parser.add_argument("--modules", nargs="+", help="only these, without a floor")
    parser.add_argument(
        "--jobs", type=int, default=3 * (os.cpu_count() or 1), help="modules at a time: most wait"
    )
    parser.add_argument(
        "--left-out", action="store_true", help="name the tests that are left out, with the reason"
    )
    parser.add_argument("--self-check", action="store_true")
    options = parser.parse_args()
    if unknown := set(options.forms) - set(SCORED):
        parser.error(f"no such form: {', '.join(unknown)}; hint: there are {', '.join(SCORED)}")
    if unknown := set(options.modules or []) - set(modules.MODULES):
        parser.error(f"no such module: {', '.join(unknown)}; hint: conformance/modules.py has them")
    if fault := missing():
        print(fault, file=sys.stderr)
        return 2
    if options.self_check:
        return self_check(options.jobs)
    chosen = [name for name in modules.present() if name in (options.modules or modules.MODULES)]
    floor = (
        1 if options.modules else modules.FLOORS.get(sys.version_info[:2], modules.FLOOR_OF_NEWER)
    )
    return run_forms(
        options.forms or list(SCORED), chosen, options.jobs, floor, name_left_out=options.left_out
    )


def missing() -> str | None:
    """What keeps the suite from being run at all, and the way out."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if importlib.util.find_spec("riata") is None:
        return f"error: {sys.executable} has no riata\nhint: `make conformance` builds it first"
    try:
        modules.present()
    except modules.NoSuite:
        return (
            f"error: {sys.executable} comes without CPython's own tests (test.test_asyncio)\n"
            f"hint: on Debian, apt-get install libpython{version}-testsuite; "
            f"or take a Python that is built from source: scripts/with-python {version} make conformance"
        )
    return None


def run_forms(
    names: list[str], chosen: list[str], jobs: int, floor: int, *, name_left_out: bool
) -> int:
    assert len(differences.ON_PURPOSE) <= differences.AT_MOST
    needed = dict.fromkeys([*(FORMS[name].baseline for name in names), *names])
    runs = run_all(run_and_retry, list(needed), chosen, jobs)
    scores = {name: score(FORMS[name], runs[name], runs[FORMS[name].baseline]) for name in names}
    for name, result in scores.items():
        print(f"\n{FORMS[name].title}, CPython {platform.python_version()}\n")
        print(report.table(result))
        if text := report.troubles(result):
            print(f"\n{text}")
    if name_left_out:
        print("\nLeft out, for every loop alike:\n")
        print(report.left_out(runs[FORMS[names[0]].baseline]))
    print()
    for name, result in scores.items():
        print(report.summary(FORMS[name], result, floor))
    return 0 if all(result.holds(floor) for result in scores.values()) else 1


def self_check(jobs: int) -> int:
    def run(form: str, module: str) -> ModuleRun:
        return run_module(form, module, SELF_CHECK_SILENCE_SECONDS_MAX)

    runs = run_all(run, ["asyncio", "broken"], SELF_CHECK_MODULES, jobs)
    result = score(FORMS["broken"], runs["broken"], runs["asyncio"])
    seen = len(result.failures)
    print(
        f"{FORMS['broken'].title}: {seen} of {result.scored} fail, {SELF_CHECK_FAILURES_MIN} must"
    )
    return 0 if seen >= SELF_CHECK_FAILURES_MIN else 1


def run_and_retry(form: str, module: str) -> ModuleRun:
    run = run_module(form, module)
    run_again_what_failed(form, module, run)
    return run


def run_all(run: Run, forms: list[str], chosen: list[str], jobs: int) -> dict[str, Runs]:
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {
            (form, module): pool.submit(run, form, module) for module in chosen for form in forms
        }
        for (form, module), future in futures.items():
            print(f"{future.result().seconds:6.1f} s  {module}, {form}", flush=True)
    return {form: {module: futures[form, module].result() for module in chosen} for form in forms}


if __name__ == "__main__":
    sys.exit(main())
