"""Until when a batch waits for its client to name more items.

Additive: the release before writes nothing there, and its batches wait for ever.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0039"
down_revision: str | None = "0038"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the column; those that are open now have a week from now."""
    op.add_column("batches", sa.Column("open_until", sa.DateTime(timezone=True)))
    op.execute(
        "update batches set open_until = now() + interval '7 days' "
        "where status = 'open'"
    )


def downgrade() -> None:
    """Take the column out."""
    op.drop_column("batches", "open_until")
