"""Searches have names, and know which matches have what they look for.

The code before it works beside this: its copies carry another tag, so that each
release copies anew what the other has copied.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# The layout of the copies, as `app.search.copy_queries` writes it.
TAG = """
update searched_timelines set thresholds_tag = '2:' || coalesce(thresholds_tag, '')
"""
UNTAG = """
update searched_timelines set thresholds_tag = nullif(substr(thresholds_tag, 3), '')
where thresholds_tag like '2:%'
"""
COUNT = """
insert into searched_counts (video_id, number, project_id, label, state, team,
    team_name, count, max_score)
select video_id,
    row_number() over (partition by video_id
        order by label, state, team, team_name) - 1,
    project_id, label, state, team, team_name, count(*), max(score)
from searched_events
group by video_id, project_id, label, state, team, team_name
"""


def upgrade() -> None:
    """Make the tables, and count what has been copied already."""
    op.create_table(
        "searched_counts",
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("team", sa.String(), nullable=True),
        sa.Column("team_name", sa.String(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("max_score", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("video_id", "number", name=op.f("pk_searched_counts")),
        sa.ForeignKeyConstraint(
            ["video_id"],
            ["videos.id"],
            name=op.f("fk_searched_counts_video_id_videos"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_searched_counts_project_id_projects"),
        ),
    )
    op.execute(COUNT)
    for column in ("label", "team", "team_name", "state"):
        op.create_index(
            f"ix_searched_counts_{column}",
            "searched_counts",
            ["project_id", column, "video_id"],
        )
    op.execute(TAG)
    op.create_index(
        "ix_searched_events_label_player",
        "searched_events",
        ["project_id", "label", "player", "video_id", "time_ms", "event_id"],
        postgresql_where=sa.text("player is not null"),
    )
    op.create_table(
        "saved_searches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), server_default="local", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_searches")),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_saved_searches_project_id_projects"),
        ),
        sa.UniqueConstraint(
            "project_id", "name", name=op.f("uq_saved_searches_project_id_name")
        ),
    )


def downgrade() -> None:
    """Take them away; saved searches are lost."""
    op.drop_table("saved_searches")
    op.drop_index("ix_searched_events_label_player", table_name="searched_events")
    op.execute(UNTAG)
    op.drop_table("searched_counts")
