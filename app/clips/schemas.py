"""What is sent of clips."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue

from app.clips.clip_options import (
    IS_PART,
    PLAYLIST,
    ClipForm,
    ClipMode,
    options_of,
    provenance_of_clip,
)
from app.clips.request_schemas import Captions
from app.clips.tables import Clip as ClipRow
from app.core.http.schemas import Links, Page
from app.jobs.schemas import JobError, Status
from app.jobs.tables import Job as JobRow
from app.timelines.provenance_schemas import ProvenanceObject
from model.video.cuts import Order


class EventOfClip(BaseModel):
    """An event as it was when the clip was asked for."""

    id: UUID
    type: str
    time_s: float
    frame: int
    score: float | None
    team: str | None
    player: str | None


class CutOfClip(BaseModel):
    """A stretch of a video, and the events it shows."""

    video_id: UUID
    first_frame: int
    last_frame: int = Field(description="Included.")
    start_s: float = Field(description="In the video.")
    end_s: float = Field(description="When its last frame ends.")
    clip_s: float = Field(description="Where it begins in the reel.")
    events: list[EventOfClip]


class ClipLinks(Links):
    """Addresses that belong to a clip."""

    self: str
    video: str | None
    job: str | None
    file: str | None = Field(description="Null until it is rendered.")


class Clip(BaseModel):
    """Clips of some events."""

    id: UUID
    video_id: UUID | None = Field(description="Null: they are of several videos.")
    job_id: UUID | None = Field(description="Null: a playlist is not rendered.")
    status: Status = Field(description="Of its job.")
    progress: float = Field(ge=0, le=1)
    error: JobError | None
    form: ClipForm
    mode: ClipMode
    lead_s: float
    lag_s: float
    merge: bool
    order: Order
    captions: Captions
    length_s: float = Field(description="Of all cuts together.")
    cuts: list[CutOfClip] = Field(description="In the order they are shown.")
    size_bytes: int | None = Field(description="Of the file.")
    file: dict[str, JsonValue] | None = Field(
        description="Once it is rendered: media_type, width, height, frames, "
        "has_sound, mode (how it was made in truth), copied_frames."
    )
    is_part: bool = Field(
        description="The search finds more than clips are made of at once: the rest is "
        "left out."
    )
    provenance: list[ProvenanceObject] = Field(
        description="Where the events come from, video by video, if that was asked for."
    )
    created_by: str
    created_at: datetime
    links: ClipLinks

    @classmethod
    def of(cls, clip: ClipRow, job: JobRow | None) -> "Clip":
        """Read a row."""
        own, options = f"/clips/{clip.id}", options_of(clip)
        cuts = _cuts(clip)
        has_file = clip.form == PLAYLIST or clip.file_key is not None
        return cls.model_validate(
            {
                "id": clip.id,
                "video_id": clip.video_id,
                "job_id": clip.job_id,
                "status": "succeeded" if job is None else job.status,
                "progress": 1.0 if job is None else job.progress,
                "error": _error(job),
                "form": clip.form,
                "mode": clip.mode,
                "lead_s": options.lead_s,
                "lag_s": options.lag_s,
                "merge": options.merge,
                "order": options.order,
                "captions": asdict(options.captions),
                "length_s": round(sum(one.end_s - one.start_s for one in cuts), 6),
                "cuts": cuts,
                "size_bytes": clip.size_bytes,
                "file": clip.file,
                "is_part": bool(clip.options.get(IS_PART)),
                "provenance": [one.to_dict() for one in provenance_of_clip(clip)],
                "created_by": clip.created_by,
                "created_at": clip.created_at,
                "links": {
                    "self": own,
                    "video": clip.video_id and f"/videos/{clip.video_id}",
                    "job": clip.job_id and f"/jobs/{clip.job_id}",
                    "file": f"{own}/file" if has_file else None,
                },
            }
        )


class ClipPage(Page[Clip]):
    """Clips, the newest first."""


def _cuts(clip: ClipRow) -> list[CutOfClip]:
    events = {one["id"]: one for one in clip.events}
    cuts, at_s = [], 0.0
    for cut in clip.cuts:
        shown = [
            EventOfClip(
                id=UUID(one["id"]),
                type=one["type"],
                time_s=one["time_ms"] / 1000,
                frame=one["frame"],
                score=one["score"],
                team=one["team"],
                player=one.get("player"),
            )
            for one in map(events.__getitem__, cut["events"])
        ]
        cuts.append(
            CutOfClip(
                video_id=UUID(str(cut.get("video_id") or clip.video_id)),
                first_frame=cut["first"],
                last_frame=cut["until"] - 1,
                start_s=cut["start_s"],
                end_s=cut["end_s"],
                clip_s=round(at_s, 6),
                events=shown,
            )
        )
        at_s += cut["end_s"] - cut["start_s"]
    return cuts


def _error(job: JobRow | None) -> JobError | None:
    if job is None or job.error_code is None:
        return None
    return JobError(
        code=job.error_code,
        detail=job.error_detail or "",
        retryable=bool(job.error_retryable),
    )
