"""Real Postgres and Redis for the integration tests."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.broker.notifier import JobNotifier, make_celery
from app.core.db.session import Sessions, make_engine, make_sessions
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.core.storage.opening import open_storage
from tests.api_server import RunningApi, make_settings, running_api
from tests.checkpoints import tiny_checkpoint
from tests.databases import PostgresOfTests
from tests.services import running_postgres, running_redis


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresOfTests]:
    """The session's server, with a migrated template."""
    with running_postgres() as server:
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


@pytest.fixture(scope="session")
def checkpoint(request: pytest.FixtureRequest) -> Path:
    """A small checkpoint with random weights."""
    cache = request.config.cache
    assert cache is not None
    return tiny_checkpoint(cache.mkdir("checkpoints"))


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a service with a data directory of the test's own."""
    return Settings.model_validate(
        {
            "data_dir": tmp_path / "data",
            "database_url": database_url,
            "model": "tiny",
            "engine": "openvino",
            "heartbeat": timedelta(seconds=0.2),
            "lease": timedelta(seconds=5),
            "webhook_allow_nets": "127.0.0.0/8",
        }
    )


@pytest.fixture
def models(settings: Settings, checkpoint: Path) -> Path:
    """The folder of the service's own checkpoints, with `tiny` in it."""
    folder = settings.data_dir / "models"
    folder.mkdir(parents=True)
    (folder / checkpoint.name).symlink_to(checkpoint)
    return folder


@pytest.fixture
def sessions(settings: Settings) -> Iterator[Sessions]:
    """Sessions on the test's database."""
    engine = make_engine(str(settings.database_url), pool_size=10)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture
def storage(settings: Settings) -> Storage:
    """The storage of the test's data directory."""
    return open_storage(settings)


@pytest.fixture
def notifier(settings: Settings) -> JobNotifier:
    """A notifier on the files of the test's data directory."""
    return JobNotifier(make_celery(settings))


@pytest.fixture(scope="module")
def api_settings(
    request: pytest.FixtureRequest,
    postgres: PostgresOfTests,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Settings]:
    """Settings of the module's API, and what the module says in `API_SETTINGS`."""
    own = getattr(request.module, "API_SETTINGS", {})
    data_dir = tmp_path_factory.mktemp("data")
    with postgres.fresh_database() as url:
        yield make_settings(data_dir=data_dir, database_url=url, **own)


@pytest.fixture(scope="module")
def shared_api(api_settings: Settings) -> Iterator[RunningApi]:
    """One API for all tests of a module."""
    with running_api(api_settings) as running:
        yield running


@pytest.fixture
def api(shared_api: RunningApi) -> RunningApi:
    """The module's API, as empty as at its first start."""
    shared_api.forget_all()
    return shared_api
