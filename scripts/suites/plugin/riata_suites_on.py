"""A pytest plugin: switches riata's on, also in the runs of pytest that a test makes by `pytester`.

Those get neither the options nor `PYTEST_ADDOPTS` of the outer run, but they do get `PYTEST_PLUGINS`, which names this.
"""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("riata") is None:
        config.option.riata = True
