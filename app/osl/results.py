"""How a request for inference goes, and what it found: read off our own jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.jobs.kinds import KINDS, JobKind
from app.jobs.tables import Job, JobStatus
from app.osl.problems import ResultNotReady
from app.osl.schemas import (
    DatasetHead,
    DatasetInput,
    DatasetItem,
    Inference,
    InferenceError,
    InferredEvent,
    Result,
    ResultDataset,
    ResultItem,
    Status,
)
from app.osl.tables import OslItem, OslJob
from app.timelines.queries import EventFilter, analysis_of, events_of
from app.videos.tables import Video

SPEAKING = [kind for kind, spec in KINDS.items() if spec.is_source]
GONE = InferenceError(
    code="video_deleted", message="The video was deleted meanwhile.", retryable=False
)


@dataclass(frozen=True, slots=True)
class _Part:
    """How a sample goes."""

    item: OslItem
    job: Job | None  # the analysis, or what brings the file; None: it is gone


def inference_of(session: Session, row: OslJob) -> Inference:
    """Tell how a request goes; with its result, once it has succeeded."""
    parts = [_Part(item, job_of(session, row, item)) for item in row.items]
    status = _status_of(row, parts)
    done = [one.job.progress if one.job else 1.0 for one in parts if _is_spot(one)]
    progress = int(100 * sum(done) / max(1, len(parts)))
    return Inference(
        id=row.id,
        status=status,
        progress=100 if status == "succeeded" else min(progress, 99),
        message=_message(status, parts),
        result=_result(session, row, parts) if status == "succeeded" else None,
        error=_error(parts) if status == "failed" else None,
    )


def dataset_of(session: Session, row: OslJob) -> ResultDataset:
    """Give what a request found as OSL JSON v2, and sample by sample.

    Raises:
        ResultNotReady: it has not succeeded.
    """
    found = inference_of(session, row)
    if found.result is None:
        raise ResultNotReady(f"The inference is {found.status}: {found.message}")
    items = found.result.items
    labels = dict.fromkeys(event.label for item in items for event in item.events)
    return ResultDataset(
        model_id=row.model,
        items=items,
        version="2.0",
        date=row.created_at.date().isoformat(),
        dataset_name=f"inference {row.id}",
        modalities=["video"],
        metadata={"model": row.model},
        labels={row.head: DatasetHead(type="single_label", labels=list(labels))},
        data=[
            DatasetItem(
                id=item.sample_id or item.item_id,
                inputs=[_input(session, UUID(asked["video_id"]))],
                events=item.events,
            )
            for item, asked in zip(items, row.items, strict=True)
        ],
    )


def _input(session: Session, video_id: UUID) -> DatasetInput:
    video = session.get(Video, video_id)
    name = (video.filename if video else None) or str(video_id)
    return DatasetInput(type="video", path=name, fps=video.fps if video else None)


def job_of(session: Session, row: OslJob, item: OslItem) -> Job | None:
    """Find the analysis of a sample, or what brings its file; None: it is gone."""
    if item["job_id"] is not None:
        return session.get(Job, UUID(item["job_id"]))
    # The file was on its way: what it was asked for with follows it.
    mine = select(Job).where(Job.video_id == UUID(item["video_id"]))
    analysis = mine.where(
        Job.kind == JobKind.SPOT, Job.params["model"].astext == row.model
    )
    source = mine.where(Job.kind.in_(SPEAKING))
    return (
        session.scalars(analysis.order_by(Job.id).limit(1)).first()
        or session.scalars(source.order_by(Job.id.desc()).limit(1)).first()
    )


def _status_of(row: OslJob, parts: Sequence[_Part]) -> Status:
    states = {part.job.status if part.job else JobStatus.FAILED for part in parts}
    if all(_is_spot(part) for part in parts) and states == {JobStatus.SUCCEEDED}:
        return "succeeded"
    if row.canceled_at is not None or JobStatus.CANCELED in states:
        return "cancelled"
    if JobStatus.FAILED in states:
        return "failed"
    return "queued" if states == {JobStatus.QUEUED} else "running"


def _is_spot(part: _Part) -> bool:
    return part.job is None or part.job.kind == JobKind.SPOT


def _message(status: Status, parts: Sequence[_Part]) -> str:
    if status == "failed":
        return _error(parts).message
    if status == "running" and not all(_is_spot(part) for part in parts):
        return "Fetching the video"
    return {
        "queued": "Waiting for a worker",
        "running": "Analysing the video",
        "succeeded": "Done",
        "cancelled": "Cancelled",
    }[status]


def _error(parts: Sequence[_Part]) -> InferenceError:
    """Tell of the first sample that failed."""
    for part in parts:
        if part.job is None:
            return GONE
        if part.job.status == JobStatus.FAILED:
            return InferenceError(
                code=part.job.error_code or "failed",
                message=part.job.error_detail or "The analysis failed.",
                retryable=bool(part.job.error_retryable),
                details={"item_id": part.item["item_id"]},
            )
    raise ValueError("no sample failed")


def _result(session: Session, row: OslJob, parts: Sequence[_Part]) -> Result:
    return Result(
        model_id=row.model,
        items=[
            ResultItem(
                item_id=part.item["item_id"],
                sample_id=part.item["sample_id"],
                events=_events(session, row, part),
            )
            for part in parts
        ],
    )


def _events(session: Session, row: OslJob, part: _Part) -> list[InferredEvent]:
    """List what the model found in the stretch that is wanted, by time."""
    if part.job is None:
        return []
    analysis = session.scalars(analysis_of(part.job.id)).one_or_none()
    if analysis is None:
        return []
    spelling = {label.casefold(): label for label in row.labels}
    wanted = EventFilter(from_ms=part.item["from_ms"], to_ms=part.item["to_ms"])
    found = session.execute(events_of(analysis.video_id, analysis.id, wanted))
    return [
        InferredEvent(
            head=row.head,
            label=spelling.get(label.casefold(), label),
            position_ms=time_ms,
            confidence_score=round(score, 4),
            **({} if team is None else {"team": team}),
        )
        for _, time_ms, _, label, score, team, _ in found
    ]
