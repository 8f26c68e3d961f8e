"""A run of a job may be saved while it goes on; jobs of before saved nothing.

Works with the code before it, which leaves the columns alone: a job that it ends keeps
its `saved_key`, whose object a sweep then removes.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COUNTS = ("forgiven_failures", "forgiven_interruptions")


def upgrade() -> None:
    """Make room for what runs save."""
    op.add_column("jobs", sa.Column("saved_key", sa.String(), nullable=True))
    op.add_column(
        "jobs",
        sa.Column("saved_progress", sa.Float(), server_default="0", nullable=False),
    )
    for name in COUNTS:
        op.add_column(
            "jobs", sa.Column(name, sa.Integer(), server_default="0", nullable=False)
        )


def downgrade() -> None:
    """Forget what was saved: unfinished jobs begin anew."""
    for name in (*COUNTS, "saved_progress", "saved_key"):
        op.drop_column("jobs", name)
