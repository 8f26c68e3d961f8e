"""Events of all matches can be searched: copies of timelines, filled by searches.

Works with the code before it, which knows neither table.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = {
    "ix_searched_events_place": (),
    "ix_searched_events_label": ("label",),
    "ix_searched_events_player": ("player",),
}


def upgrade() -> None:
    """Make the tables, empty: each video is copied when events are searched."""
    op.create_table(
        "searched_timelines",
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("analysis_id", sa.Uuid(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("facts_version", sa.BigInteger(), nullable=False),
        sa.Column("thresholds_tag", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("video_id", name=op.f("pk_searched_timelines")),
        *_foreign_keys("searched_timelines"),
    )
    op.create_table(
        "searched_events",
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("frame", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("team_name", sa.String(), nullable=True),
        sa.Column("player", sa.String(), nullable=True),
        sa.Column("attributes", JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint(
            "video_id", "event_id", name=op.f("pk_searched_events")
        ),
        *_foreign_keys("searched_events"),
    )
    for name, columns in INDEXES.items():
        place = ("project_id", *columns, "video_id", "time_ms", "event_id")
        op.create_index(name, "searched_events", list(place))


def downgrade() -> None:
    """Take the copies away; nothing is in them that is not elsewhere."""
    op.drop_table("searched_events")
    op.drop_table("searched_timelines")


def _foreign_keys(table: str) -> tuple[sa.ForeignKeyConstraint, ...]:
    return (
        sa.ForeignKeyConstraint(
            ["video_id"],
            ["videos.id"],
            name=op.f(f"fk_{table}_video_id_videos"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f(f"fk_{table}_project_id_projects"),
        ),
    )
