"""Webhooks of a project: where its messages go, besides the callback URLs of videos.

Works with the code before it, which sends callbacks as it did. It would sign messages
of webhooks with the service's own secret: let it send none of them, that is, stop its
background worker before the first webhook is made.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

HOST = (
    "lower(split_part(split_part(split_part((url)::text, '/'::text, 3), "
    "'?'::text, 1), '#'::text, 1))"
)
STATUSES = ("pending", "delivered", "failed", "gone")


def upgrade() -> None:
    """Add the table, and let a message belong to a webhook, with or without a video."""
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("events", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("secret_salt", sa.String(), nullable=False),
        sa.Column("secret_sha256", sa.String(), nullable=False),
        sa.Column("previous_salt", sa.String(), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), server_default="local", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_webhooks_project_id_projects"),
        ),
    )
    op.create_index("ix_webhooks_project_id_id", "webhooks", ["project_id", "id"])
    op.add_column("deliveries", sa.Column("webhook_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_deliveries_webhook_id_webhooks"),
        *("deliveries", "webhooks", ["webhook_id"], ["id"]),
        ondelete="CASCADE",
    )
    op.add_column(
        "deliveries",
        sa.Column(
            "receiver",
            sa.String(),
            sa.Computed(f"COALESCE((webhook_id)::text, {HOST})", persisted=True),
            nullable=False,
        ),
    )
    for column in ("video_id", "job_id"):
        op.alter_column("deliveries", column, nullable=True)
    op.create_index("ix_deliveries_webhook_id_id", "deliveries", ["webhook_id", "id"])
    op.create_index(
        "ix_deliveries_pending_receiver",
        "deliveries",
        ["receiver", "next_attempt_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    _allow_statuses(*STATUSES, "held")


def downgrade() -> None:
    """Take webhooks and their messages away; those of callback URLs stay."""
    op.execute("delete from deliveries where webhook_id is not null")
    _allow_statuses(*STATUSES)
    op.drop_index("ix_deliveries_pending_receiver", table_name="deliveries")
    op.drop_index("ix_deliveries_webhook_id_id", table_name="deliveries")
    for column in ("video_id", "job_id"):
        op.alter_column("deliveries", column, nullable=False)
    op.drop_column("deliveries", "receiver")
    op.drop_column("deliveries", "webhook_id")
    op.drop_table("webhooks")


def _allow_statuses(*statuses: str) -> None:
    op.drop_constraint(op.f("ck_deliveries_status"), "deliveries")
    listed = ",".join(f"'{one}'" for one in statuses)
    op.create_check_constraint(
        op.f("ck_deliveries_status"), "deliveries", f"status in ({listed})"
    )
