"""Requests for inference of OpenSportsLab's annotation tool.

Works with the code before it, which does not know the table.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "osl_jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.Column("labels", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("items", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("canceled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), server_default="local", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_osl_jobs")),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_osl_jobs_project_id_projects"),
        ),
    )
    op.create_index(
        "uq_osl_jobs_project_id_key", "osl_jobs", ["project_id", "key"], unique=True
    )
    op.create_index(op.f("ix_osl_jobs_created_at"), "osl_jobs", ["created_at"])


def downgrade() -> None:
    """Forget the requests; the videos and analyses stay."""
    op.drop_table("osl_jobs")
