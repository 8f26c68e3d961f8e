"""Know where a video's poster and thumbnails are.

Works with the code before and after it: the new column may be null.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "videos",
        sa.Column("thumbnails", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    )


def downgrade() -> None:
    """Take it away again; the files stay until their video goes."""
    op.drop_column("videos", "thumbnails")
