"""SQLAlchemy's async engine, which runs its synchronous half in greenlets, over aiosqlite and over asyncpg."""

import pytest

from .ways import run_in_every_way


@pytest.fixture(params=["aiosqlite", "asyncpg"])
def url(request, tmp_path):
    if request.param == "aiosqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'test.db'}"
    dsn = request.getfixturevalue("postgres").dsn
    return dsn.replace("postgresql:", "postgresql+asyncpg:")


def test_sessions(url):
    assert run_in_every_way("sqlalchemy_app", "sessions", url) == [
        "tables ['account', 'entry']",
        "ids True most connections 3",
        "balance 300",
        "entries 24 [22, 23, 24]",
        "streamed [1, 2, 3, 4, 5]",
        "run_sync 300",
        f"run_sync raised {'ProgrammingError' if 'asyncpg' in url else 'OperationalError'}",
        "balance still 300",
        "in use 0",
        "other tasks 0",
    ]


def test_waiting_for_a_connection(url):
    assert run_in_every_way("sqlalchemy_app", "waiting", url) == [
        "answers [0, 10, 20, 30, 40, 50, 60, 70]",
        "in turn [0, 1, 2, 3, 4, 5, 6, 7]",
        "QueuePool limit of size 1 overflow 0 reached",
        "the holder 7",
        "gave up",
        "gave up",
        "nobody got it []",
        "['CancelledError', 10, 'CancelledError', 30] [1, 3]",
        "in use 0 0",
        "other tasks 0",
    ]


def test_interrupted_queries(url):
    assert run_in_every_way("sqlalchemy_app", "interruptions", url) == [
        "timeout connection invalidated True",
        "PendingRollbackError",
        "then 0",
        "wait_for connection invalidated True",
        "PendingRollbackError",
        "then 0",
        "before 1",
        "interrupted",
        "rolled back 0",
        "cancelled True",
        "gather timed out",
        "left [6]",
        "balance 0",
        "in use 0",
        "other tasks 0",
    ]
