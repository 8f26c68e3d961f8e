"""Match facts of videos, words to find them by, and a project's types of events.

Works with the code before and after it: the new columns fill themselves or may be
null, and a video that the release before adds is found by its title and file name.
"""

import unicodedata
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BATCH = 1000


def upgrade() -> None:
    """Add the columns and the table; note by what videos of before are found."""
    for column in (
        sa.Column("played_on", sa.Date(), nullable=True),
        sa.Column("competition", sa.String(), nullable=True),
        sa.Column("teams", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("halves", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("search", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("facts_version", sa.BigInteger(), nullable=False, server_default="0"),
    ):
        op.add_column("videos", column)
    op.create_table(
        "event_types",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("colour", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name=op.f("fk_event_types_project_id_projects"),
        ),
        sa.PrimaryKeyConstraint("project_id", "position", name=op.f("pk_event_types")),
        sa.UniqueConstraint(
            "project_id", "name", name=op.f("uq_event_types_project_id_name")
        ),
    )
    _fill_search()


def downgrade() -> None:
    """Take it all away again, with the facts and types in it."""
    op.drop_table("event_types")
    for name in (
        *("facts_version", "search", "halves", "teams", "competition", "played_on"),
    ):
        op.drop_column("videos", name)


def _fill_search() -> None:
    """Write the words of titles and file names, some videos at a time."""
    connection = op.get_bind()
    videos = sa.table(
        "videos",
        sa.column("id", sa.Uuid()),
        sa.column("title", sa.String()),
        sa.column("filename", sa.String()),
        sa.column("search", postgresql.JSONB()),
    )
    named = sa.select(videos.c.id, videos.c.title, videos.c.filename).where(
        videos.c.search.is_(None)
    )
    while rows := connection.execute(named.limit(BATCH)).all():
        connection.execute(
            videos.update()
            .where(videos.c.id == sa.bindparam("of"))
            .values(search=sa.bindparam("words", type_=postgresql.JSONB())),
            [
                {
                    "of": row.id,
                    "words": {
                        "text": "\n".join(
                            _plain(one) for one in (row.title, row.filename) if one
                        )
                    },
                }
                for row in rows
            ],
        )


def _plain(text: str) -> str:
    """Write a text without case and accents, as the code of this release does."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(one for one in letters if not unicodedata.combining(one))
    return " ".join(kept.split())
