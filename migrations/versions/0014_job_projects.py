"""The project of a job: its video's, or of whoever asked for a job without a video.

Works with the code before and after it: the column fills itself, and the code before
asks the video.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DEFAULT = "00000000-0000-0000-0000-000000000001"


def upgrade() -> None:
    """Add the column; jobs get the project of their video."""
    op.add_column(
        "jobs",
        sa.Column(
            "project_id",
            sa.Uuid(),
            nullable=False,
            server_default=sa.text(f"'{DEFAULT}'::uuid"),
        ),
    )
    op.execute(
        "update jobs set project_id = videos.project_id from videos "
        "where videos.id = jobs.video_id and videos.project_id <> jobs.project_id"
    )
    op.create_foreign_key(
        op.f("fk_jobs_project_id_projects"),
        *("jobs", "projects", ["project_id"], ["id"]),
    )
    op.create_index(op.f("ix_jobs_project_id"), "jobs", ["project_id"])


def downgrade() -> None:
    """Take it away again."""
    op.drop_index(op.f("ix_jobs_project_id"), table_name="jobs")
    op.drop_constraint(op.f("fk_jobs_project_id_projects"), "jobs")
    op.drop_column("jobs", "project_id")
