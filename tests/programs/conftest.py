"""One PostgreSQL and one Redis for all tests of this folder, and certificates made on the spot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .servers import Postgres, Redis, postgres_server, redis_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "programs" in item.path.parts:
            item.add_marker(pytest.mark.programs)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    import tempfile
    from pathlib import Path

    # Not pytest's folder: that is closed to other users, and PostgreSQL is not run by root.
    with (
        tempfile.TemporaryDirectory(prefix="riata-postgres-") as folder,
        postgres_server(Path(folder)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server
