"""Real Postgres and Redis for the integration tests."""

from collections.abc import Iterator

import pytest

from tests.services import PostgresOfTests, running_postgres, running_redis


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresOfTests]:
    """The session's server, with a migrated template."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def database_url(postgres: PostgresOfTests) -> Iterator[str]:
    """A migrated database of the test's own."""
    with postgres.fresh_database() as url:
        yield url


@pytest.fixture
def empty_database_url(postgres: PostgresOfTests) -> Iterator[str]:
    """A database without tables, for the tests of migrations."""
    with postgres.fresh_database(migrated=False) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The session's Redis."""
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url
