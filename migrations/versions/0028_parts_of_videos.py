"""A video may be made of several files.

The code before it works beside this: it neither reads nor writes the new columns.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the columns."""
    op.execute("set local lock_timeout = '5s'")
    op.add_column(
        "videos", sa.Column("parts", JSONB(astext_type=sa.Text()), nullable=True)
    )
    op.add_column("videos", sa.Column("parts_bytes", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Take them away; where parts of videos began is lost.

    Videos that still wait to be joined go, as no job could make them any more.
    """
    op.execute("delete from videos where storage_key is null and source ? 'join'")
    op.execute("delete from jobs where kind = 'join'")
    op.drop_column("videos", "parts_bytes")
    op.drop_column("videos", "parts")
