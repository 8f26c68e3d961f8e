"""What becomes of a stream that is over: a file of its recording, and what is next."""

from pathlib import Path

from sqlalchemy.orm import Session

from app.jobs.kinds import NO_MODEL
from app.live.items import Held
from app.live.queries import segments_of
from app.live.tables import LiveStream
from app.live.writing import end_stream
from app.sources.queries import save_file
from app.timelines.tables import Analysis
from app.videos.first_jobs import first_jobs
from worker.job_task import HandlerContext, JobResult, Reporter
from worker.live_streams.recording import Joined, join_segments


def ended(
    held: Held, context: HandlerContext, reporter: Reporter, folder: Path
) -> JobResult:
    """Make one file of the recording, in a folder, and say what comes next.

    Raises:
        Canceled: the run must stop.
    """
    with context.sessions() as session:
        stream = session.get_one(LiveStream, held.video_id)
        segments = session.scalars(segments_of(held.video_id)).all()
        analysis = session.get(Analysis, held.job_id)
        counts = {} if analysis is None else dict(analysis.event_counts)
    joined = Joined(None)
    if segments:
        joined = join_segments(segments, held, context, reporter, folder)
    stored = joined.stored

    def save(session: Session) -> None:
        row = session.get_one(LiveStream, held.video_id)
        row.recording_problem = joined.problem or row.recording_problem
        end_stream(session, held)
        if stored is not None:
            save_file(session, held.video_id, stored)

    model = (stream.analyse_model or None) if stream.analyse_after else NO_MODEL
    return JobResult(
        facts={
            "counts": counts,
            "duration_s": round(stream.edge_s, 3),
            "gaps": stream.gaps,
            "segments": len(segments),
            "size_bytes": None if stored is None else stored.size_bytes,
            "problem": joined.problem,
        },
        save=save,
        then=first_jobs(model) if stored is not None else (),
        new_files=[] if stored is None else [stored.key],
    )
