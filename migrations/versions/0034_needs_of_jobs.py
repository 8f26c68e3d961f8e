"""What a job needs of its worker, and which workers cannot run it.

Works with the code before it, which asks for nothing: its jobs need nothing, and its
workers take what they know the kind of.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision: str = "0034"
down_revision: str | None = "0033"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add both, empty: a job without needs is one for every worker of its kind."""
    op.add_column(
        "jobs",
        sa.Column("needs", ARRAY(sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column(
        "jobs",
        sa.Column(
            "refusals",
            JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
        ),
    )


def downgrade() -> None:
    """Forget both."""
    op.drop_column("jobs", "refusals")
    op.drop_column("jobs", "needs")
