"""What is sent of a video."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.http.fields import Day
from app.core.http.schemas import Links, Page
from app.jobs.kinds import JobKind
from app.jobs.schemas import VIDEO_ID, Counts, Job, JobError, Status
from app.jobs.tables import Job as JobRow
from app.jobs.tables import JobStatus
from app.sources.shown import shown_url
from app.timelines.tables import Analysis
from app.videos.facts_schemas import Half, Team
from app.videos.parts import JoinKind, JoinMode
from app.videos.playability import Playable, playable_of
from app.videos.tables import Video as VideoRow

VideoStatus = Literal[Status, "live"]


class VideoLinks(Links):
    """Addresses that belong to a video."""

    self: str
    events: str
    scores: str
    timeline: str
    file: str
    playable: str | None = Field(description="What a browser plays; null: nothing yet.")
    poster: str
    thumbnails: str
    job: str
    jobs: str
    deliveries: str
    live: str | None = Field(description="Of a video that is, or was, a stream.")


class VideoSource(BaseModel):
    """Where the bytes of a video come from; one of the four."""

    url: str | None = Field(
        default=None,
        description="The address, without its query; an object's as it is.",
        examples=["https://example.org/final.mp4"],
    )
    import_: str | None = Field(
        default=None,
        alias="import",
        description="The path in the folder of imports.",
        examples=["cup/final.mp4"],
    )

    join: JoinKind | None = Field(
        default=None, description="It is made of several files: see `parts`."
    )
    live: str | None = Field(
        default=None, description="It is, or was, a live stream: see `links.live`."
    )

    @classmethod
    def of(cls, source: Mapping[str, str]) -> Self:
        """Read it from a row, without what may be a secret."""
        url = source.get("url")
        if url is not None:
            url = shown_url(url)
        others = {name: source.get(name) for name in ("import", "join", "live")}
        return cls.model_validate({"url": url, **others})


class VideoPart(BaseModel):
    """One of the files that a video is made of; times in seconds of the video."""

    filename: str | None = Field(examples=["GX010042.MP4"])
    size_bytes: int
    sha256: str | None
    video_id: UUID | None = Field(
        description="The video whose file it was; it may be deleted by now. Null: it "
        "was uploaded with the others."
    )
    start_s: float | None = Field(
        description="When its first frame is shown; null until it is joined, and so "
        "the next two.",
        examples=[2731.48],
    )
    end_s: float | None = Field(description="When its last frame gives way.")
    offset_s: float | None = Field(
        description="What to add to a time of its own file to get one of the video."
    )


class VideoParts(BaseModel):
    """What a video is made of, in the order of play."""

    kind: JoinKind
    mode: JoinMode | None = Field(
        description="Whether pictures were copied, or encoded anew since the parts "
        "differ; null until they are joined."
    )
    sound: JoinMode | None = Field(description="The same of the sound; null: none.")
    warnings: dict[str, str] = Field(
        description="What was noticed, by its kind: `encoded`, `sound_encoded`, "
        "`order` (the cameras' clocks say another one).",
        examples=[{}],
    )
    files: list[VideoPart]


class Video(BaseModel):
    """An uploaded file, what is known of it, and where its analysis stands."""

    id: UUID = Field(examples=[VIDEO_ID])
    title: str | None = Field(examples=["Cup final"])
    filename: str | None = Field(examples=["final.mp4"])
    date: Day | None = Field(description="Of the match.")
    competition: str | None = Field(examples=["City Cup"])
    teams: list[Team] = Field(description="Empty if nobody has named them.")
    halves: list[Half] = Field(description="In order of time; empty if not given.")
    facts_version: int = Field(
        description="Counts the changes of title and match facts; in quotes it is the "
        "`ETag` that `If-Match` takes."
    )
    status: VideoStatus = Field(
        description="Of the latest job; `live` while it is a live stream."
    )
    stage: str | None = Field(description="Of the latest job.")
    progress: float = Field(ge=0, le=1, description="Of the latest job.")
    error: JobError | None = Field(description="Of the latest job.")
    counts: Counts | None = Field(
        description="Events by type in the timeline that is shown; null: none yet."
    )
    size_bytes: int | None = Field(
        description="Null until all bytes are there; so `sha256`.",
        examples=[734003200],
    )
    sha256: str | None
    dropped_at: datetime | None = Field(
        description="When its file was removed by the rules of retention; null: it was "
        "not."
    )
    duplicate_of: UUID | None = Field(
        description="An earlier video with the very same bytes, if there is one."
    )
    source: VideoSource | None = Field(
        description="Where its bytes come from, if they were not uploaded."
    )
    parts: VideoParts | None = Field(
        description="The files that it is made of; null: one file, as it came."
    )
    duration_s: float | None = Field(description="Null until probed; so the next five.")
    width: int | None = Field(examples=[1920])
    height: int | None = Field(examples=[1080])
    fps: float | None = Field(examples=[25.0])
    codec: str | None = Field(examples=["h264"])
    container: str | None = Field(examples=["mov,mp4,m4a,3gp,3g2,mj2"])
    has_poster: bool = Field(
        description="Whether `links.poster` and `links.thumbnails` have been made."
    )
    playable: Playable = Field(
        description="What a browser plays: the file itself, a proxy that was made of "
        "it, or nothing: while it is `pending`, a proxy is being made, or the file has "
        "not been looked at yet. At `none`, POST /videos/{id}/proxy makes one."
    )
    callback_url: str | None
    revision: int = Field(
        description="Goes up with whatever people change about its events."
    )
    current_job_id: UUID | None = Field(
        description="The job whose timeline /events and /timeline show."
    )
    current_analysis_id: UUID | None = Field(
        description="What that job found; null: nothing is shown yet."
    )
    created_by: str = Field(
        description="`local`, or `key:` and the key's name.", examples=["key:default"]
    )
    created_at: datetime
    job: Job = Field(description="The latest job.")
    links: VideoLinks

    @classmethod
    def of(
        cls,
        video: VideoRow,
        latest: JobRow,
        shown: Analysis | None,
        *,
        is_proxy_being_made: bool = False,
    ) -> "Video":
        """Read the rows of a video, its latest job and the analysis that is shown."""
        job = Job.of(latest)
        own = f"/videos/{video.id}"
        playable = playable_of(
            video,
            is_looked_at=JobStatus(latest.status).is_final,
            is_being_made=is_proxy_being_made,
        )
        return cls.model_validate(
            {
                **{name: getattr(video, name) for name in _SAME_IN_VIDEO},
                "date": video.played_on,
                "teams": video.teams or [],
                "halves": video.halves or [],
                "source": None
                if video.source is None
                else VideoSource.of(video.source),
                "parts": video.parts,
                "has_poster": video.thumbnails is not None,
                "playable": playable,
                "status": _status_of(latest),
                "stage": job.stage,
                "progress": job.progress,
                "error": job.error,
                "counts": shown.event_counts if shown else None,
                "current_job_id": shown.job_id if shown else None,
                "job": job,
                "links": {
                    "self": own,
                    "events": f"{own}/events",
                    "scores": f"{own}/scores",
                    "timeline": f"{own}/timeline",
                    "file": f"{own}/file",
                    "playable": _address(own, playable),
                    "poster": f"{own}/poster",
                    "thumbnails": f"{own}/thumbnails.vtt",
                    "job": f"/jobs/{job.id}",
                    "jobs": f"{own}/jobs",
                    "deliveries": f"{own}/deliveries",
                    "live": _live_address(video),
                },
            }
        )


class VideoPage(Page[Video]):
    """Videos, the newest first."""


def _address(own: str, playable: Playable) -> str | None:
    if playable == "proxy":
        return f"{own}/file?proxy=true"
    return f"{own}/file" if playable == "original" else None


def _status_of(latest: JobRow) -> str:
    is_open = not JobStatus(latest.status).is_final
    return "live" if latest.kind == JobKind.LIVE and is_open else latest.status


def _live_address(video: VideoRow) -> str | None:
    return f"/live/{video.id}" if "live" in (video.source or {}) else None


_SAME_IN_VIDEO = (
    *("id", "title", "filename", "size_bytes", "sha256", "duration_s", "width"),
    *("height", "fps", "codec", "container", "callback_url"),
    *("competition", "facts_version", "revision", "duplicate_of"),
    *("current_analysis_id", "created_by", "created_at", "dropped_at"),
)
