"""Alembic's entry: runs the scripts over one connection, in one transaction.

Configured by `app.core.db.migrate`, which hands in the URL.
"""

from alembic import context
from sqlalchemy import create_engine, pool, text

from app.core.db.session import CONNECT_TIMEOUT_S, database_url
from app.tables import metadata

LOCK_TIMEOUT = "5s"  # rather give up than queue every reader behind an ALTER
ONE_AT_A_TIME = 7_164_001  # the advisory lock under which schemas change


def main() -> None:
    """Migrate, or print the SQL when Alembic was asked for it (`--sql`)."""
    url = context.config.attributes["url"]
    if context.is_offline_mode():
        context.configure(
            url=database_url(url),
            target_metadata=metadata,
            literal_binds=True,
        )
        with context.begin_transaction():
            context.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
            context.run_migrations()
        return

    engine = create_engine(
        database_url(url),
        poolclass=pool.NullPool,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "prepare_threshold": None,  # a pooler would keep what is prepared
        },
    )
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_server_default=True,
        )
        with context.begin_transaction():
            # Waits for another migration before the lock timeout starts to bind.
            connection.execute(
                text("select pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME}
            )
            connection.execute(text(f"set local lock_timeout = '{LOCK_TIMEOUT}'"))
            context.run_migrations()
    engine.dispose()


main()
