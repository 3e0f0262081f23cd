"""What becomes of what a test leaves behind: `riata_leaks` is error, warn or off."""

import sys
from collections.abc import Generator, Iterable
from typing import Any

import pytest

from riata.testing import leaks
from riata.testing.loop import test_loops
from riata.testing.settings import Settings, marked
from riata.testing.sites import Owner, current_owner, owned_by
from riata.testing.summaries import Summary

__all__ = ["Leaks"]

_KEY: "pytest.StashKey[Owner]" = pytest.StashKey()
_LATE = "riata_late_leaks"


class Leaks:
    """A plugin. Registered when riata is switched on."""

    def __init__(self, known: Settings, summary: Summary) -> None:
        self._known = known
        self._summary = summary
        self._has_late = False
        self._ends = [leaks.watch_sockets(), leaks.watch_coroutines()]

    def pytest_unconfigure(self) -> None:
        for end in reversed(self._ends):
            end()

    # The test, from before its fixtures until after them.

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        # What is wrong with a marker, the set-up says.
        try:
            mode = marked(self._known, item).leaks
        except pytest.fail.Exception:
            mode = "off"
        if mode == "off":
            return (yield)
        owner = item.stash[_KEY] = Owner(item.nodeid)
        leaks.remember_test(getattr(item, "obj", None), owner)
        depth = sys.get_coroutine_origin_tracking_depth()
        if depth == 0:
            sys.set_coroutine_origin_tracking_depth(leaks.ORIGIN_DEPTH)
        try:
            with owned_by(owner):
                return (yield)
        finally:
            owner.is_over = True
            sys.set_coroutine_origin_tracking_depth(depth)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: "pytest.FixtureDef[Any]"
    ) -> Generator[None, Any, Any]:
        owner = current_owner()
        if owner is None:
            return (yield)
        if fixturedef.scope == "function":
            leaks.remember_test(fixturedef.func, owner)
            return (yield)
        with owned_by(Owner(f"fixture {fixturedef.argname!r}", outlives_tests=True)):
            return (yield)

    @pytest.hookimpl(
        wrapper=True, trylast=True
    )  # all fixtures have ended, and pytest still records warnings
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        result = yield
        owner = item.stash.get(_KEY, None)
        if owner is None or owner.has_failed:
            return result
        is_error = marked(self._known, item).leaks == "error"
        if is_error:
            leaks.collect_young()
        leaks.look_after(owner, test_loops())
        if is_error and owner.leaks:
            told = "\n\n".join(owner.leaks)
            raise pytest.fail.Exception(
                f"riata: the test leaves this behind:\n\n{told}", pytrace=False
            )
        return result

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: "pytest.CallInfo[None]"
    ) -> Generator[None, Any, Any]:
        report = yield
        owner = item.stash.get(_KEY, None)
        if owner is not None:
            # What a test that fails leaves behind follows from that.
            owner.has_failed |= report.outcome != "passed"
            if call.when == "teardown" and not owner.has_failed:
                report.riata_leaks = owner.leaks
        return report

    # What was found when the test was over, which its report does not have.

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        found, leaks.late[:] = list(leaks.late), []
        output = getattr(session.config, "workeroutput", None)
        if output is not None:  # a process of xdist's, which has no terminal
            output[_LATE] = found
        else:
            self._tell(found)
            if self._has_late and self._known.leaks == "error" and session.exitstatus == 0:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._tell(getattr(node, "workeroutput", {}).get(_LATE, ()))

    def _tell(self, found: "Iterable[tuple[str, str]]") -> None:
        for name, text in found:
            self._has_late = True
            self._summary.add(name, [text])
