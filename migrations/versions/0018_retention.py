"""Projects have rules of how long they keep videos; a file may be gone on purpose.

Works with the code before it, which knows neither the table nor the column.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Keep all for ever, as before."""
    op.add_column(
        "videos", sa.Column("dropped_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_table(
        "retention_rules",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("file_days", sa.Integer(), nullable=True),
        sa.Column("video_days", sa.Integer(), nullable=True),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=True),
        sa.Column("updated_by", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_retention_rules")),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_retention_rules_project_id_projects"),
        ),
    )


def downgrade() -> None:
    """Forget the rules; what went by them stays gone."""
    op.drop_table("retention_rules")
    op.drop_column("videos", "dropped_at")
