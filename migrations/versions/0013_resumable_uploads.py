"""Remember uploads that may be resumed, and videos whose bytes are on their way.

Works with the code before it, which makes no video without bytes, and after it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MAY_BE_MISSING = ("storage_key", "size_bytes", "sha256")
DEFAULT_PROJECT = "'00000000-0000-0000-0000-000000000001'::uuid"


def upgrade() -> None:
    """Add the table and the columns."""
    for name in MAY_BE_MISSING:
        op.alter_column("videos", name, nullable=True)
    op.add_column("videos", sa.Column("source", postgresql.JSONB(), nullable=True))
    op.add_column("videos", sa.Column("duplicate_of", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_videos_duplicate_of_videos"),
        "videos",
        "videos",
        ["duplicate_of"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_index(
        op.f("ix_videos_project_id_sha256"), "videos", ["project_id", "sha256"]
    )
    op.create_index(op.f("ix_videos_duplicate_of"), "videos", ["duplicate_of"])
    op.create_table(
        "resumable_uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "project_id",
            sa.Uuid(),
            server_default=sa.text(DEFAULT_PROJECT),
            nullable=False,
        ),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("client_metadata", sa.String(), nullable=False),
        sa.Column("filename", sa.String(), nullable=True),
        sa.Column("fields", postgresql.JSONB(), nullable=False),
        sa.Column("unchecked_from", sa.BigInteger(), nullable=True),
        sa.Column("asked_for_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("video_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), server_default="local", nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_resumable_uploads_project_id_projects"),
        ),
        sa.ForeignKeyConstraint(
            ["video_id"],
            ["videos.id"],
            name=op.f("fk_resumable_uploads_video_id_videos"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resumable_uploads")),
    )
    op.create_index(
        op.f("ix_resumable_uploads_project_id"), "resumable_uploads", ["project_id"]
    )
    op.create_index(
        op.f("ix_resumable_uploads_video_id"), "resumable_uploads", ["video_id"]
    )


def downgrade() -> None:
    """Take them away again, and videos without bytes, which were not known before.

    Unfinished uploads leave what came of them. Jobs of kinds that were not known go.
    """
    op.drop_table("resumable_uploads")
    op.execute("delete from videos where storage_key is null")
    op.execute("delete from jobs where kind in ('download', 'import')")
    op.drop_index(op.f("ix_videos_duplicate_of"), "videos")
    op.drop_index(op.f("ix_videos_project_id_sha256"), "videos")
    op.drop_constraint(op.f("fk_videos_duplicate_of_videos"), "videos")
    op.drop_column("videos", "duplicate_of")
    op.drop_column("videos", "source")
    for name in MAY_BE_MISSING:
        op.alter_column("videos", name, nullable=False)
