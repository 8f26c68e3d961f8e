"""Comparisons of models, what they got wrong, and who chose the default when.

Works with the code before it, which does not know the tables.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the tables."""
    _make_comparisons()
    _make_moments()
    _make_choices()


def downgrade() -> None:
    """Forget them; the models stay, and the one that is the default."""
    op.drop_table("model_choices")
    op.drop_table("comparison_moments")
    op.drop_table("comparisons")
    op.execute("delete from jobs where kind = 'compare'")


def _make_comparisons() -> None:
    op.create_table(
        "comparisons",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("training_id", sa.Uuid(), nullable=True),
        sa.Column("models", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("holdout", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("result", JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), server_default="local", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparisons")),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_comparisons_project_id_projects"),
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["jobs.id"],
            name=op.f("fk_comparisons_job_id_jobs"),
            ondelete="CASCADE",
        ),
    )
    for name, columns in (
        ("ix_comparisons_project_id_id", ["project_id", "id"]),
        ("ix_comparisons_job_id", ["job_id"]),
        ("ix_comparisons_training_id", ["training_id"]),
    ):
        op.create_index(op.f(name), "comparisons", columns)


def _make_moments() -> None:
    op.create_table(
        "comparison_moments",
        sa.Column("comparison_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("frame", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("is_event", sa.Boolean(), nullable=False),
        sa.Column("by_model", JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint(
            "comparison_id", "number", name=op.f("pk_comparison_moments")
        ),
        sa.ForeignKeyConstraint(
            ["comparison_id"],
            ["comparisons.id"],
            name=op.f("fk_comparison_moments_comparison_id_comparisons"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["video_id"],
            ["videos.id"],
            name=op.f("fk_comparison_moments_video_id_videos"),
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        op.f("ix_comparison_moments_video_id"), "comparison_moments", ["video_id"]
    )


def _make_choices() -> None:
    op.create_table(
        "model_choices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column(
            "is_rollback", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), server_default="local", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_choices")),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_model_choices_project_id_projects"),
        ),
    )
