"""Batches: many videos analysed behind what is uploaded, and a queue that is fair.

Works with the code before it, which does not know tables and columns: it runs a
batch's jobs like any others.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0033"
down_revision: str | None = "0030"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

UNDER_WAY = "status in ('open','listing','running','canceling')"
OPEN = "status in ('queued','running')"


def upgrade() -> None:
    """Make the tables, and let jobs and messages say which batch they belong to."""
    _make_batches()
    _make_items()
    for table, on_delete in (("jobs", "SET NULL"), ("deliveries", "CASCADE")):
        op.add_column(table, sa.Column("batch_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_batch_id_batches"),
            *(table, "batches", ["batch_id"], ["id"]),
            ondelete=on_delete,
        )
        op.create_index(
            op.f(f"ix_{table}_batch_id"),
            *(table, ["batch_id"]),
            postgresql_where=sa.text("batch_id is not null"),
        )
    op.create_index(
        "ix_jobs_waiting",
        "jobs",
        ["project_id", sa.text("priority desc"), "created_at", "id"],
        postgresql_where=sa.text(OPEN),
    )
    op.create_index(
        op.f("ix_jobs_project_id_kind_started_at"),
        *("jobs", ["project_id", "kind", "started_at"]),
    )


def downgrade() -> None:
    """Forget the batches; their videos, jobs and events stay."""
    op.drop_index(op.f("ix_jobs_project_id_kind_started_at"), table_name="jobs")
    op.drop_index("ix_jobs_waiting", table_name="jobs")
    op.execute("delete from jobs where kind = 'batch'")
    op.execute("delete from deliveries where batch_id is not null")
    for table in ("deliveries", "jobs"):
        op.drop_column(table, "batch_id")
    op.drop_table("batch_items")
    op.drop_table("batches")


def _make_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "project_id",
            sa.Uuid(),
            server_default=sa.text("'00000000-0000-0000-0000-000000000001'::uuid"),
            nullable=False,
        ),
        _text("name"),
        sa.Column("source", JSONB(astext_type=sa.Text()), nullable=False),
        _text("model", nullable=False),
        sa.Column("weights", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("again", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        _text("callback_url"),
        _text("status", nullable=False),
        sa.Column("listing_job_id", sa.Uuid(), nullable=True),
        sa.Column("named", sa.BigInteger(), server_default="0", nullable=False),
        *(_text("waits_for"), _text("error_code"), _text("error_detail")),
        *(_time("created_at", nullable=False), _time("started_at")),
        _time("finished_at"),
        _text("created_by", nullable=False, server_default="local"),
        sa.CheckConstraint(
            "status in ('open','listing','running','canceling','completed','failed',"
            "'canceled')",
            name=op.f("ck_batches_status"),
        ),
        sa.ForeignKeyConstraint(
            *(["project_id"], ["projects.id"]),
            name=op.f("fk_batches_project_id_projects"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index(op.f("ix_batches_project_id_id"), "batches", ["project_id", "id"])
    op.create_index(
        "ix_batches_under_way",
        *("batches", ["id"]),
        postgresql_where=sa.text(UNDER_WAY),
    )


def _make_items() -> None:
    op.create_table(
        "batch_items",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        *(_text("kind", nullable=False), _text("address", nullable=False)),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        _text("title"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        _text("etag"),
        _text("state", nullable=False),
        sa.Column("video_id", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("rounds", sa.Integer(), server_default="0", nullable=False),
        *(_text("error_code"), _text("error_detail")),
        sa.Column("error_retryable", sa.Boolean(), nullable=True),
        _time("finished_at"),
        sa.CheckConstraint(
            "state in ('pending','queued','succeeded','skipped','failed','canceled')",
            name=op.f("ck_batch_items_state"),
        ),
        sa.ForeignKeyConstraint(
            *(["batch_id"], ["batches.id"]),
            name=op.f("fk_batch_items_batch_id_batches"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            *(["video_id"], ["videos.id"]),
            name=op.f("fk_batch_items_video_id_videos"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("batch_id", "number", name=op.f("pk_batch_items")),
        sa.UniqueConstraint(
            "batch_id", "source_id", name=op.f("uq_batch_items_batch_id_source_id")
        ),
    )
    for columns in (
        *(["batch_id", "state", "number"], ["batch_id", "finished_at"]),
        *(["source_id"], ["video_id"]),
    ):
        name = op.f(f"ix_batch_items_{'_'.join(columns)}")
        op.create_index(name, "batch_items", columns)


def _text(
    name: str, *, nullable: bool = True, server_default: str | None = None
) -> "sa.Column[str]":
    return sa.Column(
        name, sa.String(), nullable=nullable, server_default=server_default
    )


def _time(name: str, *, nullable: bool = True) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)
