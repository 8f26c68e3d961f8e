"""Clips of several matches, and cuts of which only the borders are encoded anew.

Works with the code before it, which lists clips by their video: it does not see those
that have none.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Let a clip have no video, but a project."""
    op.add_column("clips", sa.Column("project_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_clips_project_id_projects"),
        *("clips", "projects", ["project_id"], ["id"]),
    )
    op.create_index(op.f("ix_clips_project_id_id"), "clips", ["project_id", "id"])
    op.execute(
        "update clips set project_id = videos.project_id from videos "
        "where videos.id = clips.video_id"
    )
    op.alter_column("clips", "video_id", nullable=True)
    op.drop_constraint(op.f("ck_clips_mode"), "clips")
    op.create_check_constraint(
        op.f("ck_clips_mode"), "clips", "mode in ('exact','smart','copy')"
    )


def downgrade() -> None:
    """Take it away; clips of several matches go, their files are swept."""
    op.execute("delete from clips where video_id is null")
    op.execute("update clips set mode = 'exact' where mode = 'smart'")
    op.drop_constraint(op.f("ck_clips_mode"), "clips")
    op.create_check_constraint(
        op.f("ck_clips_mode"), "clips", "mode in ('exact','copy')"
    )
    op.alter_column("clips", "video_id", nullable=False)
    op.drop_index(op.f("ix_clips_project_id_id"), table_name="clips")
    op.drop_constraint(op.f("fk_clips_project_id_projects"), "clips")
    op.drop_column("clips", "project_id")
