"""Which tables are vacuumed early, and that saying so stops nobody."""

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import NullPool

from app.core.db.migrate import downgrade, upgrade
from app.core.db.session import database_url as read_url

BEFORE = "0035"
NEVER_LARGE = "api_keys"


def test_large_and_churning_tables_are_vacuumed_before_a_fifth_is_dead(
    empty_database_url: str,
) -> None:
    upgrade(empty_database_url)

    options = _options(empty_database_url)
    assert options["events"]["autovacuum_vacuum_scale_factor"] == "0.01"
    for table in ("searched_events", "annotations", "decisions"):
        assert options[table] == options["events"]
    assert float(options["jobs"]["autovacuum_vacuum_scale_factor"]) < 0.2
    assert options["deliveries"] == options["jobs"]
    assert options["pending_deletions"]["autovacuum_vacuum_scale_factor"] == "0"
    assert NEVER_LARGE not in options


def test_writers_go_on_while_they_are_set_and_taken_back(
    empty_database_url: str,
) -> None:
    """A writer's lock is held meanwhile; a rewrite or a full lock would wait for it."""
    upgrade(empty_database_url, BEFORE)
    before = _options(empty_database_url)
    engine = _engine(empty_database_url)
    with engine.connect() as writer:
        writer.execute(
            text(
                "insert into videos (id, created_at) values (gen_random_uuid(), now())"
            )
        )
        for table in ("events", "annotations", "deliveries", "jobs"):
            writer.execute(text(f"lock table {table} in row exclusive mode"))
        upgrade(empty_database_url, "0036")
        assert "events" in _options(empty_database_url)
        downgrade(empty_database_url, BEFORE)
        writer.commit()

    assert _options(empty_database_url) == before
    with engine.connect() as reader:
        assert reader.scalar(text("select count(*) from videos")) == 1


def test_what_an_operator_set_besides_stays(empty_database_url: str) -> None:
    upgrade(empty_database_url, BEFORE)
    with _engine(empty_database_url).begin() as connection:
        connection.execute(text("alter table events set (fillfactor = 90)"))

    upgrade(empty_database_url)
    assert _options(empty_database_url)["events"]["fillfactor"] == "90"
    downgrade(empty_database_url, BEFORE)

    assert _options(empty_database_url)["events"] == {"fillfactor": "90"}


def _engine(url: str) -> Engine:
    return create_engine(read_url(url), poolclass=NullPool)


def _options(url: str) -> dict[str, dict[str, str]]:
    with _engine(url).connect() as connection:
        rows = connection.execute(
            text(
                "select relname, reloptions from pg_class where reloptions is not null"
                " and relnamespace = 'public'::regnamespace and relkind = 'r'"
            )
        ).all()
    return {table: dict(one.split("=") for one in options) for table, options in rows}
