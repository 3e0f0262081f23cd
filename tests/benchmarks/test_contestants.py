"""How loops are named on the command line."""

import sys

import pytest
from harness.contestants import Contestant, parse_contestants


def test_known_names_and_own_ones() -> None:
    words = "asyncio, riata, c, mine=package.module:factory, old=/opt/python@riata:new_event_loop"
    assert parse_contestants(words, "/bin/py") == [
        Contestant("asyncio", "asyncio:new_event_loop", "/bin/py"),
        Contestant("riata", "riata:new_event_loop", "/bin/py"),
        Contestant("c"),
        Contestant("mine", "package.module:factory", "/bin/py"),
        Contestant("old", "riata:new_event_loop", "/opt/python"),
    ]


@pytest.mark.parametrize("words", ["nothing", "asyncio,asyncio", "a=b"])
def test_what_makes_no_sense_is_refused(words: str) -> None:
    with pytest.raises(LookupError, match="hint: "):
        parse_contestants(words)


def test_a_loop_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(LookupError, match="no_such_package"):
        Contestant("x", "no_such_package:loop").version()


def test_asyncio_is_as_old_as_its_python() -> None:
    assert Contestant("asyncio", "asyncio:new_event_loop").version() == sys.version.split()[0]
