"""Timelines of many matches as rows: analyses, events, history and webhook messages.

And the same tables in partitions by hash of the video, to measure what those would do.
"""

import json

from sqlalchemy import MetaData, PrimaryKeyConstraint, Table, text
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateIndex, CreateTable

from app.tables import metadata
from app.timelines.tables import SPOTTING
from benchmarks.search_rows import LABEL, LENGTH_MS, OF_BATCH, fill
from model.checkpoint.spotting_options import SpottingOptions

PARTITIONED = ("events", "searched_events", "annotations")
EACH_NTH_DECIDED = 10  # event, so that history is a tenth of the events

LABELS = ("PASS", "DRIVE", "SHOT", "GOAL")
OPTIONS = SpottingOptions.default(LABELS)
# Colons are parameters' in a statement.
CHECKPOINT = json.dumps({"name": "made", SPOTTING: OPTIONS.to_dict()}).replace(
    ":", r"\:"
)

JOBS = f"""
insert into jobs (id, kind, video_id, project_id, status, progress, attempt,
    cancel_requested, created_at, finished_at)
select id, 'spot', id, project_id, 'succeeded', 1, 1, false, now(), now()
from videos video where {OF_BATCH}
"""
ANALYSES = f"""
insert into analyses (id, video_id, job_id, checkpoint, event_counts, warnings,
    requested_at, created_at)
select id, id, id, '{CHECKPOINT}',
    '{{"PASS"\\: 1, "DRIVE"\\: 1, "SHOT"\\: 1, "GOAL"\\: 1}}', '{{}}', now(), now()
from videos video where {OF_BATCH}
"""
EVENTS = f"""
insert into events (video_id, analysis_id, seq, time_ms, pts, frame, label, score, team)
select video.id, video.id, e, e * {LENGTH_MS}::bigint / :events, e * 67, e * 67,
    {LABEL}, random(), case when e % 2 = 0 then 'left' else 'right' end
from videos video, generate_series(1, :events) e where {OF_BATCH}
"""
HISTORY = f"""
insert into annotations (id, video_id, revision, step_id, event_id, author, action,
    after, created_at)
select gen_random_uuid(), video.id, 1, video.id, gen_random_uuid(), 'key:a', 'accept',
    '{{"state"\\: "accepted", "label"\\: "PASS"}}', now()
from videos video, generate_series(1, :events / {EACH_NTH_DECIDED}) e where {OF_BATCH}
"""
MESSAGES = f"""
insert into deliveries (id, video_id, job_id, type, url, body, status, attempt,
    created_at, finished_at)
select gen_random_uuid(), id, id, 'video.completed', 'https\\://club.example/hook',
    '{{}}', 'delivered', 1, now(), now()
from videos video where {OF_BATCH}
"""
SHOWN = f"update videos video set current_analysis_id = id where {OF_BATCH}"
IN_STEP = f"""
update searched_timelines copied set analysis_id = video_id
from videos video where video.id = copied.video_id and {OF_BATCH}
"""


def fill_timelines(session: Session, matches: int, events: int) -> None:
    """Give the videos that are there their analyses, and what hangs on them."""
    statements = (JOBS, ANALYSES, EVENTS, HISTORY, MESSAGES, SHOWN, IN_STEP)
    fill(session, "events", statements, matches, events)


def partition(session: Session, count: int) -> None:
    """Make the large tables anew, empty, in partitions by hash of the video.

    A key must hold what a table is partitioned by: history gets another one.
    """
    for table in _in_partitions():
        session.execute(text(f"drop table {table.name}"))
        session.execute(CreateTable(table))
        for number in range(count):
            session.execute(
                text(
                    f"create table {table.name}_{number} partition of {table.name} "
                    f"for values with (modulus {count}, remainder {number})"
                )
            )
        for index in table.indexes:
            session.execute(CreateIndex(index))
    session.commit()


def _in_partitions() -> list[Table]:
    made = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.sorted_tables:
        table.to_metadata(made)
    for name in PARTITIONED:
        made.tables[name].dialect_options["postgresql"]["partition_by"] = (
            "HASH (video_id)"
        )
    history = made.tables["annotations"]
    history.c.video_id.primary_key = True
    history.append_constraint(PrimaryKeyConstraint("video_id", "id"))
    return [made.tables[name] for name in PARTITIONED]
