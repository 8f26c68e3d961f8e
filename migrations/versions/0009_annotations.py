"""What people say of events: a log, the decisions it comes to, reviewed stretches.

Works with the code before and after it: nothing that was there changes its meaning.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

JSON = postgresql.JSONB(astext_type=sa.Text())
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables; no row of another is rewritten."""
    op.add_column(
        "videos",
        sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.add_column("upload_keys", sa.Column("made_id", sa.Uuid(), nullable=True))
    _make_log()
    _make_decisions()
    op.create_table(
        "reviewed_stretches",
        *_columns("uuid video_id", "bigint from_ms to_ms", "text author"),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint(
            "video_id", "from_ms", name=op.f("pk_reviewed_stretches")
        ),
        _of_video("reviewed_stretches"),
    )


def downgrade() -> None:
    """Take them away again, with all that people said."""
    for table in ("reviewed_stretches", "decisions", "annotations"):
        op.drop_table(table)
    op.drop_column("upload_keys", "made_id")
    op.drop_column("videos", "revision")


def _make_log() -> None:
    op.create_table(
        "annotations",
        *_columns(
            *("uuid id video_id", "bigint revision", "uuid step_id event_id"),
            *("text author action",),
        ),
        sa.Column("before", JSON, nullable=True),
        sa.Column("after", JSON, nullable=True),
        sa.Column("reverts", sa.Uuid(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotations")),
        _of_video("annotations"),
    )
    for columns in (
        ["video_id", "revision"],
        ["video_id", "event_id", "revision"],
        ["video_id", "author", "revision"],
    ):
        name = f"ix_annotations_{'_'.join(columns)}"
        op.create_index(op.f(name), "annotations", columns)


def _make_decisions() -> None:
    op.create_table(
        "decisions",
        *_columns("uuid video_id event_id", "text state source label"),
        *_columns("bigint frame time_ms"),
        *_columns("float score", is_nullable=True),
        sa.Column("attributes", JSON, nullable=False),
        *_columns(
            *("text anchor_label", "bigint anchor_frame anchor_time_ms"),
            *("text anchor_team", "uuid anchor_analysis_id"),
            is_nullable=True,
        ),
        *_columns("bigint revision", "text author"),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("video_id", "event_id", name=op.f("pk_decisions")),
        _of_video("decisions"),
    )
    op.create_index(
        op.f("ix_decisions_video_id_revision"), "decisions", ["video_id", "revision"]
    )


TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "uuid": sa.Uuid(),
    "text": sa.String(),
    "bigint": sa.BigInteger(),
    "float": sa.Float(),
}


def _columns(*lines: str, is_nullable: bool = False) -> list[sa.Column[Any]]:
    """Make columns of lines that name a type, then the columns that have it."""
    return [
        sa.Column(name, TYPES[kind], nullable=is_nullable)
        for kind, *names in map(str.split, lines)
        for name in names
    ]


def _of_video(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["video_id"],
        ["videos.id"],
        name=op.f(f"fk_{table}_video_id_videos"),
        ondelete="CASCADE",
    )
