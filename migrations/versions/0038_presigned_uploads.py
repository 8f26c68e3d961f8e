"""Uploads whose client sends the parts to the bucket itself.

Additive: the release before writes nothing there, and sees an upload by tus of which no
byte has come, which expires.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0038"
down_revision: str | None = "0037"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the columns; null: an upload by tus."""
    op.add_column("resumable_uploads", sa.Column("multipart_id", sa.String()))
    op.add_column("resumable_uploads", sa.Column("part_bytes", sa.BigInteger()))


def downgrade() -> None:
    """Take the columns out; what is under way then expires, with its parts."""
    op.drop_column("resumable_uploads", "part_bytes")
    op.drop_column("resumable_uploads", "multipart_id")
