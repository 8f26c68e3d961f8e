"""Live streams: why one ended, and the wall's clock of gaps and segments.

Works with the code before it: it leaves the new columns empty.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0035"
down_revision: str | None = "0034"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

WALLS = (
    ("live_gaps", "from_wall"),
    ("live_gaps", "to_wall"),
    ("live_segments", "wall"),
)


def upgrade() -> None:
    """Add the columns, empty."""
    op.add_column("live_streams", sa.Column("end_reason", sa.String()))
    for table, name in WALLS:
        op.add_column(table, sa.Column(name, sa.DateTime(timezone=True)))


def downgrade() -> None:
    """Forget them."""
    for table, name in reversed(WALLS):
        op.drop_column(table, name)
    op.drop_column("live_streams", "end_reason")
