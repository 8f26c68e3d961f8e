"""Jobs of several kinds; what a spotting found moves from its job to an analysis.

An analysis made here takes the id of its job, so that the ids of events stay. Workers
and API of the release before must be stopped: they know neither table nor columns.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

JSONB = postgresql.JSONB(astext_type=sa.Text())

# A job has an analysis if it stored anything: curves, events, or what is shown. JSON's
# own null stands in rows whose value was set to nothing.
FILL_ANALYSES = """
    insert into analyses (id, video_id, job_id, checkpoint, scores_key, scores_sha256,
        event_counts, warnings, requested_at, created_at)
    select id, video_id, id, coalesce(nullif(checkpoint, 'null'), '{}'), scores_key,
        scores_sha256, coalesce(nullif(event_counts, 'null'), '{}'),
        coalesce(nullif(warnings, 'null'), '{}'), created_at,
        coalesce(finished_at, created_at)
    from jobs
    where scores_key is not null
        or exists (select from events where events.job_id = jobs.id)
        or exists (select from videos where videos.current_job_id = jobs.id)
"""
FILL_JOBS = """
    update jobs set
        params = jsonb_build_object('model', model),
        result = case when status = 'succeeded' then jsonb_build_object(
            'checkpoint', checkpoint, 'counts', event_counts, 'warnings', warnings) end
"""
EMPTY_ANALYSES = """
    update jobs set checkpoint = analyses.checkpoint, scores_key = analyses.scores_key,
        scores_sha256 = analyses.scores_sha256, event_counts = analyses.event_counts,
        warnings = nullif(analyses.warnings, '{}')
    from analyses where analyses.job_id = jobs.id
"""
EVENT_INDEXES = (
    ("ix_events_job_id", "ix_events_analysis_id"),
    (
        "ix_events_video_id_job_id_time_ms_seq",
        "ix_events_video_id_analysis_id_time_ms_seq",
    ),
    (
        "ix_events_video_id_job_id_label_time_ms_seq",
        "ix_events_video_id_analysis_id_label_time_ms_seq",
    ),
)


def upgrade() -> None:
    """Add kinds, move what spotting found, and name heartbeats as the code does."""
    op.add_column(
        "jobs", sa.Column("kind", sa.String(), nullable=False, server_default="spot")
    )
    op.add_column(
        "jobs",
        sa.Column("params", JSONB, nullable=False, server_default=sa.text("'{}'")),
    )
    op.add_column("jobs", sa.Column("result", JSONB, nullable=True))
    op.add_column(
        "jobs", sa.Column("priority", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("jobs", sa.Column("parent_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_jobs_parent_id_jobs"),
        *("jobs", "jobs", ["parent_id"], ["id"]),
        ondelete="CASCADE",
    )
    op.create_index(op.f("ix_jobs_parent_id"), "jobs", ["parent_id"])
    op.alter_column("jobs", "video_id", nullable=True)
    _create_analyses()
    op.execute(FILL_ANALYSES)
    op.execute(FILL_JOBS)
    op.drop_constraint(op.f("fk_events_job_id_jobs"), "events", type_="foreignkey")
    op.alter_column("events", "job_id", new_column_name="analysis_id")
    _events_refer("analysis_id", "analyses")
    for job_index, analysis_index in EVENT_INDEXES:
        op.execute(f"alter index {job_index} rename to {analysis_index}")
    op.alter_column("videos", "current_job_id", new_column_name="current_analysis_id")
    for column in (
        *("model", "checkpoint", "scores_key", "scores_sha256", "event_counts"),
        "warnings",
    ):
        op.drop_column("jobs", column)
    _rename_heartbeats("worker_beats", "worker_heartbeats")


def downgrade() -> None:
    """Move it back; jobs of other kinds than spotting are lost."""
    _rename_heartbeats("worker_heartbeats", "worker_beats")
    op.execute("delete from jobs where kind <> 'spot' or video_id is null")
    for name in ("model", "scores_key", "scores_sha256"):
        op.add_column("jobs", sa.Column(name, sa.String(), nullable=True))
    for name in ("checkpoint", "event_counts", "warnings"):
        op.add_column("jobs", sa.Column(name, JSONB, nullable=True))
    op.execute("update jobs set model = params ->> 'model'")
    op.execute(EMPTY_ANALYSES)
    op.drop_constraint(
        op.f("fk_events_analysis_id_analyses"), "events", type_="foreignkey"
    )
    for table, column in (
        ("events", "analysis_id"),
        ("videos", "current_analysis_id"),
    ):
        op.execute(
            f"update {table} set {column} = analyses.job_id from analyses "  # noqa: S608  # our words
            f"where analyses.id = {column} and analyses.job_id <> {column}"
        )
    op.alter_column("videos", "current_analysis_id", new_column_name="current_job_id")
    op.alter_column("events", "analysis_id", new_column_name="job_id")
    _events_refer("job_id", "jobs")
    for job_index, analysis_index in EVENT_INDEXES:
        op.execute(f"alter index {analysis_index} rename to {job_index}")
    op.drop_table("analyses")
    op.alter_column("jobs", "video_id", nullable=False)
    op.drop_index(op.f("ix_jobs_parent_id"), table_name="jobs")
    for column in ("parent_id", "priority", "result", "params", "kind"):
        op.drop_column("jobs", column)


def _create_analyses() -> None:
    op.create_table(
        "analyses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("video_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("checkpoint", JSONB, nullable=False),
        sa.Column("scores_key", sa.String(), nullable=True),
        sa.Column("scores_sha256", sa.String(), nullable=True),
        sa.Column("event_counts", JSONB, nullable=False),
        sa.Column("warnings", JSONB, nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["video_id"],
            ["videos.id"],
            name=op.f("fk_analyses_video_id_videos"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["jobs.id"],
            name=op.f("fk_analyses_job_id_jobs"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analyses")),
        sa.UniqueConstraint("job_id", name=op.f("uq_analyses_job_id")),
    )
    op.create_index(op.f("ix_analyses_video_id"), "analyses", ["video_id"])


def _events_refer(column: str, table: str) -> None:
    op.create_foreign_key(
        op.f(f"fk_events_{column}_{table}"),
        *("events", table, [column], ["id"]),
        ondelete="CASCADE",
    )


def _rename_heartbeats(old: str, new: str) -> None:
    op.rename_table(old, new)
    op.execute(f"alter index pk_{old} rename to pk_{new}")
