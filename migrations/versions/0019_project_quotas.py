"""Quotas of projects: how much they may store, how much may wait for analysis.

Works with the code before it, which knows neither column: no project has a quota yet.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the quotas, of none."""
    op.add_column("projects", sa.Column("max_stored_bytes", sa.BigInteger()))
    op.add_column("projects", sa.Column("max_queued_hours", sa.Float()))


def downgrade() -> None:
    """Take the quotas away; the projects stay."""
    op.drop_column("projects", "max_queued_hours")
    op.drop_column("projects", "max_stored_bytes")
