"""What is told at the end of a run, below the failures."""

from collections.abc import Iterable
from typing import Any

import pytest

__all__ = ["Summary"]


class Summary:
    """A plugin that shows what reports of tests carry as an attribute: a list of texts. It also reaches the terminal from xdist's processes."""

    def __init__(self, title: str, attribute: str) -> None:
        self._title, self._attribute = title, attribute
        self._texts: dict[str, list[str]] = {}

    def add(self, name: str, texts: "Iterable[str]") -> None:
        """Tell these of the test `name`."""
        self._texts.setdefault(name, []).extend(texts)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        texts = getattr(report, self._attribute, None)
        if texts:
            self.add(report.nodeid, texts)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self._texts:
            return
        terminalreporter.section(f"riata: {self._title}")
        for name, texts in self._texts.items():
            terminalreporter.line(name)
            for text in texts:
                terminalreporter.line("  " + text.replace("\n", "\n  "))
