"""Times of a job's stages, the trace that asked for a job or a webhook message, and
which messages are held.

Works with the code before it, which does not know the columns: a message that is held
has failed to it. That of the release before webhooks knows no status `held` at all.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the columns; what is there keeps no times and belongs to no trace."""
    op.add_column(
        "jobs",
        sa.Column(
            "stage_seconds",
            JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.add_column("jobs", sa.Column("traceparent", sa.String(), nullable=True))
    op.add_column("deliveries", sa.Column("traceparent", sa.String(), nullable=True))
    op.add_column(
        "deliveries",
        sa.Column(
            "is_held", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )
    op.execute(
        "update deliveries set status = 'failed', is_held = true where status = 'held'"
    )


def downgrade() -> None:
    """Forget times and traces; what was held is held as it was before."""
    op.execute("update deliveries set status = 'held' where is_held")
    op.drop_column("deliveries", "is_held")
    op.drop_column("deliveries", "traceparent")
    op.drop_column("jobs", "traceparent")
    op.drop_column("jobs", "stage_seconds")
