"""Batches whose client has not named all items yet, whatever became of them since.

Additive: the release before writes nothing there, and its batches are false.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0037"
down_revision: str | None = "0036"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the column; those that are open now wait for items."""
    op.add_column(
        "batches",
        sa.Column(
            "takes_items", sa.Boolean(), nullable=False, server_default=sa.false()
        ),
    )
    op.execute("update batches set takes_items = true where status = 'open'")


def downgrade() -> None:
    """Take the column out."""
    op.drop_column("batches", "takes_items")
