"""Videos have times of frames and a proxy; jobs that ended just now are found.

Works with the code before and after it: the columns are empty unless they are written.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the columns and the index; no row is rewritten."""
    op.add_column("videos", sa.Column("proxy_key", sa.String(), nullable=True))
    op.add_column("videos", sa.Column("frame_times_key", sa.String(), nullable=True))
    op.create_index("ix_jobs_finished_at", "jobs", ["finished_at"])


def downgrade() -> None:
    """Take them away again; what is stored stays until its video is deleted."""
    op.drop_index("ix_jobs_finished_at", table_name="jobs")
    op.drop_column("videos", "frame_times_key")
    op.drop_column("videos", "proxy_key")
