"""Clips: reels, archives and playlists of events.

Works with the code before it, which knows none.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "clips",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("events", postgresql.JSONB(), nullable=False),
        sa.Column("cuts", postgresql.JSONB(), nullable=False),
        sa.Column("file_key", sa.String(), nullable=True),
        sa.Column("file", postgresql.JSONB(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), server_default="local", nullable=False),
        sa.CheckConstraint(
            "form in ('reel','zip','playlist')", name=op.f("ck_clips_form")
        ),
        sa.CheckConstraint("mode in ('exact','copy')", name=op.f("ck_clips_mode")),
        sa.ForeignKeyConstraint(
            ["video_id"],
            ["videos.id"],
            name=op.f("fk_clips_video_id_videos"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["jobs.id"],
            name=op.f("fk_clips_job_id_jobs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clips")),
    )
    op.create_index(op.f("ix_clips_video_id_id"), "clips", ["video_id", "id"])
    op.create_index(op.f("ix_clips_job_id"), "clips", ["job_id"])


def downgrade() -> None:
    """Take it away; files of clips stay until their video is deleted."""
    op.drop_index(op.f("ix_clips_job_id"), table_name="clips")
    op.drop_index(op.f("ix_clips_video_id_id"), table_name="clips")
    op.drop_table("clips")
