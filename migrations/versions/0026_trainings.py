"""Trainings, their curves and their logs.

Works with the code before it, which does not know the tables.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "trainings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=True),
        sa.Column("options", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "warnings",
            JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("data", JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("figures", JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("model", sa.String(), nullable=True),
        sa.Column("comparison_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), server_default="local", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trainings")),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_trainings_project_id_projects"),
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["jobs.id"],
            name=op.f("fk_trainings_job_id_jobs"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        op.f("ix_trainings_project_id_id"), "trainings", ["project_id", "id"]
    )
    op.create_index(op.f("ix_trainings_job_id"), "trainings", ["job_id"])
    _make_points()
    _make_lines()


def downgrade() -> None:
    """Forget the trainings and their jobs; the models that they made stay."""
    op.drop_table("training_lines")
    op.drop_table("training_points")
    op.drop_table("trainings")
    op.execute("delete from jobs where kind = 'train'")


def _make_points() -> None:
    op.create_table(
        "training_points",
        sa.Column("training_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("values", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "training_id", "number", name=op.f("pk_training_points")
        ),
        sa.ForeignKeyConstraint(
            ["training_id"],
            ["trainings.id"],
            name=op.f("fk_training_points_training_id_trainings"),
            ondelete="CASCADE",
        ),
        sa.CheckConstraint(
            "kind in ('loss','validation','learning')",
            name=op.f("ck_training_points_kind"),
        ),
    )


def _make_lines() -> None:
    op.create_table(
        "training_lines",
        sa.Column("training_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "training_id", "number", name=op.f("pk_training_lines")
        ),
        sa.ForeignKeyConstraint(
            ["training_id"],
            ["trainings.id"],
            name=op.f("fk_training_lines_training_id_trainings"),
            ondelete="CASCADE",
        ),
    )
