"""Know the endpoint of a webhook, how it answers, and when a message is given up.

Works with the code before and after it: the new columns fill themselves or may be null.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Between "//" and the path, query or fragment.
ENDPOINT = (
    "lower(split_part(split_part(split_part((url)::text, '/'::text, 3), "
    "'?'::text, 1), '#'::text, 1))"
)


def upgrade() -> None:
    """Add the columns, an index to find due messages by endpoint, and its table."""
    op.add_column(
        "deliveries",
        sa.Column(
            "endpoint",
            sa.String(),
            sa.Computed(ENDPOINT, persisted=True),
            nullable=False,
        ),
    )
    op.add_column(
        "deliveries",
        sa.Column(
            "attempts_allowed", sa.Integer(), nullable=False, server_default="10"
        ),
    )
    op.add_column(
        "deliveries", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index(
        "ix_deliveries_pending_endpoint",
        "deliveries",
        ["endpoint", "next_attempt_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "webhook_endpoints",
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("slow_streak", sa.Integer(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("endpoint", name=op.f("pk_webhook_endpoints")),
    )


def downgrade() -> None:
    """Take it away again."""
    op.drop_table("webhook_endpoints")
    op.drop_index("ix_deliveries_pending_endpoint", table_name="deliveries")
    op.drop_column("deliveries", "expires_at")
    op.drop_column("deliveries", "attempts_allowed")
    op.drop_column("deliveries", "endpoint")
