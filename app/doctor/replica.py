"""Whether the replica for reads is one of the database, and how far it is behind."""

from collections.abc import Iterator

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from app.core.db.locate import running_url
from app.core.db.replica import IDENTITY, LOG_END
from app.core.db.session import (
    REPLICA_CONNECT_TIMEOUT_S,
    REPLICA_TIMEOUT_S,
    make_engine,
)
from app.core.settings import Settings
from app.doctor.findings import Finding, ok, problem, warning

PART = "replica"
NOTABLE_BYTES = 16 * 2**20  # of log; one segment
SETTING = "TOUCHLINE_DATABASE_READ_URL"
BEHIND = text(
    "select pg_is_in_recovery(),"
    " pg_wal_lsn_diff(cast(:log_end as pg_lsn), pg_last_wal_replay_lsn())"
)


def check_replica(settings: Settings) -> Iterator[Finding]:
    """Look at the replica, if one is named."""
    url = settings.database_url or running_url(settings.data_dir)
    if settings.database_read_url is None or url is None:
        return
    primary = make_engine(url, pool_size=1)
    replica = make_engine(
        settings.database_read_url,
        pool_size=1,
        connect_timeout_s=REPLICA_CONNECT_TIMEOUT_S,
        answer_within_s=REPLICA_TIMEOUT_S,
        setting=SETTING,
    )
    try:
        with primary.connect() as connection:
            log_end = connection.scalar(text(LOG_END))
            identity = connection.scalar(text(IDENTITY))
        with replica.connect() as connection:
            is_same = connection.scalar(text(IDENTITY)) == identity
            is_replica, behind = connection.execute(BEHIND, {"log_end": log_end}).one()
        yield _judge(is_same=is_same, is_replica=is_replica, behind=int(behind or 0))
    except DBAPIError as exc:
        place = make_url(settings.database_read_url)
        said = " ".join(str(exc.orig or exc).split())
        words = f"{place.render_as_string(hide_password=True)} or the database"
        remedy = f"start it, or take {SETTING} back; until then the database answers"
        yield warning(PART, f"{words} does not answer ({said})", remedy)
    finally:
        primary.dispose()
        replica.dispose()


def _judge(*, is_same: bool, is_replica: bool, behind: int) -> Finding:
    correct = f"correct {SETTING}; until then the database answers all reads"
    if not is_same:
        return problem(PART, "it holds another database", correct)
    if not is_replica:
        return problem(PART, "it is a primary, no replica", correct)
    words = f"{max(behind, 0):,} bytes of log behind"
    if behind > NOTABLE_BYTES:
        remedy = "see pg_stat_replication on the primary: docs/database.md"
        return warning(PART, words, remedy)
    return ok(PART, words)
