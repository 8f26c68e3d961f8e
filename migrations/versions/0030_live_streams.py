"""Live streams: their rows, and events that may still go.

Works with the code before it, which does not know the tables, and to which an event of
a live stream is one like any other.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0030"
down_revision: str | None = "0029"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the tables, and mark what is there as it is: for good."""
    op.create_table("live_streams", *_stream_columns(), *_stream_keys())
    op.create_index(op.f("ix_live_streams_job_id"), "live_streams", ["job_id"])
    _make_changes()
    _make_gaps()
    _make_segments()
    op.add_column(
        "analyses",
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.add_column(
        "events",
        sa.Column(
            "is_provisional", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
    )


def downgrade() -> None:
    """Forget the streams and their jobs; events that may still have gone stay."""
    op.drop_column("events", "is_provisional")
    op.drop_column("analyses", "version")
    for table in ("live_segments", "live_gaps", "live_changes", "live_streams"):
        op.drop_table(table)
    # A video whose only job was of this kind goes with it: it has no file.
    op.execute(
        "delete from videos where storage_key is null and id in "
        "(select video_id from jobs where kind = 'live')"
    )
    op.execute("delete from jobs where kind = 'live'")


def _json(name: str) -> "sa.Column[Any]":
    return sa.Column(name, JSONB(none_as_null=True, astext_type=sa.Text()))


def _count(name: str, kind: type[sa.Integer] = sa.BigInteger) -> "sa.Column[Any]":
    return sa.Column(name, kind(), server_default="0", nullable=False)


def _stream_columns() -> "list[sa.Column[Any]]":
    columns: list[sa.Column[Any]] = [
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("record", sa.Boolean(), nullable=False),
        sa.Column("analyse_after", sa.Boolean(), nullable=False),
        sa.Column("analyse_model", sa.String(), nullable=True),
        sa.Column("webhook_batch_s", sa.Float(), nullable=True),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column(
            "stop_requested", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        *map(_json, ("push", "ingest", "checkpoint")),
        sa.Column("look_ahead_s", sa.Float(), nullable=True),
        _json("facts"),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("edge_s", sa.Float(), server_default="0", nullable=False),
        _count("steps"),
        sa.Column("recorded_s", sa.Float(), server_default="0", nullable=False),
        sa.Column("recording_problem", sa.String(), nullable=True),
        _json("latency"),
        _count("changes"),
        _count("gaps", sa.Integer),
        _count("segments", sa.Integer),
        _count("told_changes"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    ]
    return columns


def _stream_keys() -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("video_id", name=op.f("pk_live_streams")),
        sa.ForeignKeyConstraint(
            ["video_id"],
            ["videos.id"],
            name=op.f("fk_live_streams_video_id_videos"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["jobs.id"],
            name=op.f("fk_live_streams_job_id_jobs"),
            ondelete="CASCADE",
        ),
    ]


def _of_a_stream(table: str) -> list[sa.Constraint]:
    return [
        sa.PrimaryKeyConstraint("video_id", "number", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            ["video_id"],
            ["live_streams.video_id"],
            name=op.f(f"fk_{table}_video_id_live_streams"),
            ondelete="CASCADE",
        ),
    ]


def _make_changes() -> None:
    op.create_table(
        "live_changes",
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("replaces", sa.Uuid(), nullable=True),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("frame", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("wall", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decoded_at", sa.DateTime(timezone=True), nullable=False),
        *_of_a_stream("live_changes"),
    )


def _make_gaps() -> None:
    op.create_table(
        "live_gaps",
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("from_s", sa.Float(), nullable=False),
        sa.Column("to_s", sa.Float(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        *_of_a_stream("live_gaps"),
    )


def _make_segments() -> None:
    op.create_table(
        "live_segments",
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("start_s", sa.Float(), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("head_bytes", sa.Integer(), nullable=False),
        sa.Column("head_sha256", sa.String(), nullable=False),
        sa.Column(
            "is_after_gap", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        *_of_a_stream("live_segments"),
    )
