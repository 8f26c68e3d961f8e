"""A pooler between us and the server, such as PgBouncer: it is noticed, and works.

A pooler takes no startup options, and in transaction mode each transaction may run on
another of its connections to the server: what was set or prepared on one is not known
on the next. So each transaction sets what it needs, and no statement is prepared. What
it is to set is said again with each `begin`, one round trip.

Source: https://www.pgbouncer.org/features.html, "SQL feature map for pooling modes".
"""

from collections.abc import Mapping
from typing import Any

import psycopg
from sqlalchemy import Connection

REFUSED = "unsupported startup parameter"  # PgBouncer, of `options`


def refuses_options(exc: psycopg.OperationalError) -> bool:
    """Whether a pooler refused a connection for its startup options."""
    return REFUSED in str(exc)


def startup_options(wanted: Mapping[str, str]) -> str:
    """Write settings as a server takes them when a connection starts."""
    return " ".join(f"-c {name}={value}" for name, value in wanted.items())


def are_set(connection: psycopg.Connection[Any], wanted: Mapping[str, str]) -> bool:
    """Whether startup options reached the server; a pooler may drop them in silence."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_settings s, unnest(%s::text[]) as w(name)"
            " where lower(s.name) = w.name and s.source = 'client'",
            [[name.lower() for name in wanted]],
        )
        row = cursor.fetchone()
    connection.rollback()
    return row is not None and row[0] == len(wanted)


def set_for_transaction(connection: Connection, wanted: Mapping[str, str]) -> None:
    """Set what startup options would, until the transaction's end."""
    calls = (f"set_config('{name}', '{value}', true)" for name, value in wanted.items())
    connection.exec_driver_sql(f"select {', '.join(calls)}")
