"""Projects, with one by default, and who made a video or a job.

Works with the code before and after it: the new columns fill themselves.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

DEFAULT = "00000000-0000-0000-0000-000000000001"


def upgrade() -> None:
    """Make the table and its default row; give every video to that project."""
    op.create_table(
        "projects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
    )
    op.execute(f"insert into projects values ('{DEFAULT}', 'default', now())")  # noqa: S608  # our own words
    op.add_column(
        "videos",
        sa.Column(
            "project_id",
            sa.Uuid(),
            nullable=False,
            server_default=sa.text(f"'{DEFAULT}'::uuid"),
        ),
    )
    op.create_foreign_key(
        op.f("fk_videos_project_id_projects"),
        *("videos", "projects", ["project_id"], ["id"]),
    )
    op.create_index(op.f("ix_videos_project_id_id"), "videos", ["project_id", "id"])
    for table in ("videos", "jobs"):
        column = sa.Column(
            "created_by", sa.String(), nullable=False, server_default="local"
        )
        op.add_column(table, column)


def downgrade() -> None:
    """Take it away again; videos of every project are seen by all then."""
    for table in ("jobs", "videos"):
        op.drop_column(table, "created_by")
    op.drop_index(op.f("ix_videos_project_id_id"), table_name="videos")
    op.drop_constraint(op.f("fk_videos_project_id_projects"), "videos")
    op.drop_column("videos", "project_id")
    op.drop_table("projects")
