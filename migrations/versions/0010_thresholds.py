"""Thresholds saved for a video, and for a model in a project.

Works with the code before it, which knows nothing of the tables.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make both tables, empty."""
    for table, owner in (("video", "videos"), ("model", "projects")):
        column = f"{owner.removesuffix('s')}_id"
        name = f"{table}_thresholds"
        op.create_table(
            name,
            sa.Column(column, sa.Uuid(), nullable=False),
            sa.Column("weights", sa.String(), nullable=False),
            sa.Column(
                "thresholds",
                postgresql.JSONB(astext_type=sa.Text()),
                nullable=False,
            ),
            sa.Column("saved_by", sa.String(), nullable=False),
            sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
            sa.ForeignKeyConstraint(
                [column],
                [f"{owner}.id"],
                name=op.f(f"fk_{name}_{column}_{owner}"),
                ondelete="CASCADE",
            ),
            sa.PrimaryKeyConstraint(column, "weights", name=op.f(f"pk_{name}")),
        )


def downgrade() -> None:
    """Forget the saved thresholds."""
    op.drop_table("model_thresholds")
    op.drop_table("video_thresholds")
