"""Count worker deaths apart from attempts, and name who holds an Idempotency-Key.

Works with the code before and after it: the columns have defaults or may be null.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add what the next release needs."""
    op.add_column(
        "jobs",
        sa.Column("interruptions", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column("upload_keys", sa.Column("owner", sa.String(), nullable=True))
    op.add_column("upload_keys", sa.Column("token", sa.Uuid(), nullable=True))
    op.add_column("upload_keys", sa.Column("job_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_upload_keys_job_id_jobs"),
        "upload_keys",
        "jobs",
        ["job_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.create_index(op.f("ix_upload_keys_job_id"), "upload_keys", ["job_id"])


def downgrade() -> None:
    """Take it away again."""
    op.drop_index(op.f("ix_upload_keys_job_id"), table_name="upload_keys")
    op.drop_constraint(
        op.f("fk_upload_keys_job_id_jobs"), "upload_keys", type_="foreignkey"
    )
    op.drop_column("upload_keys", "job_id")
    op.drop_column("upload_keys", "token")
    op.drop_column("upload_keys", "owner")
    op.drop_column("jobs", "interruptions")
