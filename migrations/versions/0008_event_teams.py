"""Events have the team that did them, where the checkpoint tells.

Works with the code before and after it: the column is empty unless it is written.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the column; no row is rewritten, whatever the number of events."""
    op.add_column("events", sa.Column("team", sa.String(), nullable=True))


def downgrade() -> None:
    """Take it away again, with the teams in it."""
    op.drop_column("events", "team")
