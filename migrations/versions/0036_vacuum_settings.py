"""When Postgres vacuums and analyzes the large tables, and those that churn.

Storage parameters alone: no row is touched, and neither reads nor writes wait for it.
"""

from collections.abc import Mapping, Sequence

from alembic import op

revision: str = "0036"
down_revision: str | None = "0035"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# A fifth of a hundred million rows would be dead before the defaults do anything.
LARGE = {
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_threshold": "5000",
    "autovacuum_vacuum_insert_scale_factor": "0.02",
    "autovacuum_vacuum_insert_threshold": "5000",
    "autovacuum_analyze_scale_factor": "0.01",
    "autovacuum_analyze_threshold": "5000",
}
# Rows that are changed again and again, a small part of them at any time.
CHURNING = {
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_threshold": "200",
    "autovacuum_analyze_scale_factor": "0.05",
    "autovacuum_analyze_threshold": "500",
}
# Rows that come and go, few at any time: what is dead is soon more than what lives.
QUEUE = {
    "autovacuum_vacuum_scale_factor": "0",
    "autovacuum_vacuum_threshold": "200",
}
PARAMETERS: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(
        ("events", "searched_events", "annotations", "decisions", "delivery_attempts"),
        LARGE,
    ),
    **dict.fromkeys(
        ("jobs", "deliveries", "videos", "searched_counts", "searched_timelines"),
        CHURNING,
    ),
    **dict.fromkeys(
        (
            *("upload_keys", "uploads", "pending_deletions", "worker_heartbeats"),
            "webhook_endpoints",
        ),
        QUEUE,
    ),
}


def upgrade() -> None:
    """Set the parameters; those that an operator set under other names stay."""
    for table, parameters in PARAMETERS.items():
        words = ", ".join(f"{name} = {value}" for name, value in parameters.items())
        op.execute(f"alter table {table} set ({words})")


def downgrade() -> None:
    """Go back to what the server does with every table."""
    for table, parameters in PARAMETERS.items():
        op.execute(f"alter table {table} reset ({', '.join(parameters)})")
