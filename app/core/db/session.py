"""Engine and sessions: sync SQLAlchemy over psycopg 3, no session opened here."""

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session, sessionmaker

from app.core.errors import StartFailed

DRIVER = "postgresql+psycopg"
CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 60  # no statement of ours is that long; a hung one must end

Sessions = sessionmaker[Session]


def make_engine(url: str | URL, *, pool_size: int = 5) -> Engine:
    """Make an engine; connects at first use.

    Args:
        url: `postgres://`, `postgresql://` or `postgresql+psycopg://`.
        pool_size: connections kept open; the API takes as many as it has threads.

    Raises:
        StartFailed: the URL is malformed or names another kind of database.
    """
    return create_engine(
        database_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "touchline",
            "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_S}s",
        },
    )


def make_sessions(engine: Engine) -> Sessions:
    """Make a session factory; rows stay readable after their commit."""
    return sessionmaker(engine, expire_on_commit=False)


def database_url(url: str | URL) -> URL:
    """Read a URL as people write it and name our driver in it.

    Raises:
        StartFailed: the URL is malformed or names another kind of database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as exc:
        raise StartFailed(
            "TOUCHLINE_DATABASE_URL is not a URL: "
            "write postgresql://user:password@host:5432/name"
        ) from exc
    if parsed.drivername not in ("postgres", "postgresql", DRIVER):
        raise StartFailed(
            f"TOUCHLINE_DATABASE_URL names {parsed.drivername}: "
            "Touchline keeps its rows in Postgres (postgresql://...)"
        )
    return parsed.set(drivername=DRIVER)
