"""What is asked for and sent of live streams."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.http.fields import Line
from app.core.http.schemas import Links, Page
from app.jobs.schemas import VIDEO_ID, JobError
from app.jobs.tables import Job
from app.live.addresses import MAX_CHARS, Kind
from app.live.service import State, state_of
from app.live.tables import LiveGap as GapRow
from app.live.tables import LiveStream as StreamRow
from app.live.wire import recording_of
from app.videos.facts_schemas import MAX_TITLE_CHARS
from app.videos.tables import Video

MAX_BATCH_S = 300.0
ModelName = Annotated[str, Field(max_length=255)] | None


class NewLive(BaseModel):
    """A stream that is to be followed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"source": "rtmp://camera.example/live/main"}]},
    )

    source: Annotated[str, Field(min_length=1, max_length=MAX_CHARS)] = Field(
        description="rtmp[s]://, rtsp[s]://, http[s]://….m3u8, udp://0.0.0.0:PORT "
        "(MPEG-TS), `listen` (RTMP is taken), `srt` (SRT is taken), `push` (a browser "
        "sends), or `import:PATH` (a file that grows in the folder of imports)."
    )
    name: Annotated[Line, Field(min_length=1, max_length=MAX_TITLE_CHARS)] | None = (
        Field(
            default=None,
            description="The video's title; null: the source and the time.",
        )
    )
    model: ModelName = Field(
        default=None,
        description="A live model of GET /models; null: the default one if it is "
        "live, else the newest live one.",
    )
    record: bool = Field(default=True, description="Keep the pictures.")
    analyse_after: bool = Field(
        default=False, description="Analyse the recording when the stream has ended."
    )
    analyse_model: ModelName = Field(
        default=None, description="The model for that; null: the default."
    )
    webhook_batch_s: Annotated[float, Field(ge=0, le=MAX_BATCH_S)] | None = Field(
        default=0.0,
        description="`event.created` tells all final events of so many seconds "
        "together; 0: each by itself; null: none.",
    )


class PushAddress(BaseModel):
    """Where to send RTMP or SRT to."""

    url: str = Field(
        examples=["rtmp://host:1935/live"],
        description="Of SRT with all that it takes, the key too.",
    )
    key: str = Field(description="The stream key.")


class SourceFacts(BaseModel):
    """What the source sends."""

    model_config = ConfigDict(extra="ignore")

    width: int = Field(examples=[1920])
    height: int = Field(examples=[1080])
    fps: float = Field(description="As the source says; 0: it does not.")
    codec: str = Field(examples=["h264"])
    format: str = Field(examples=["flv"])
    sound: str | None = Field(examples=["aac"])
    is_copied: bool = Field(
        description="Whether the recording holds the source's own pictures; else they "
        "are encoded anew, since no browser plays them."
    )


class Percentiles(BaseModel):
    """Of latencies, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    count: int


class Latency(BaseModel):
    """From the last picture that an event needs being decoded; null: none yet."""

    spotted: Percentiles | None = Field(default=None, description="By the model.")
    stored: Percentiles | None = Field(default=None, description="In the database.")
    sent: Percentiles | None = Field(
        default=None, description="To a client of events/stream, by this API process."
    )


class Gap(BaseModel):
    """A stretch of which something is missing; seconds of the stream."""

    model_config = ConfigDict(from_attributes=True)

    from_s: float
    to_s: float
    reason: str = Field(examples=["reconnected"])
    from_wall: datetime | None = Field(
        description="The wall clock at both ends; null: not known."
    )
    to_wall: datetime | None


class LiveLinks(Links):
    """Addresses that belong to a stream."""

    self: str
    video: str
    events: str
    events_stream: str
    hls: str | None = Field(description="Null: it is not recorded.")
    push: str | None = Field(description="Of a WebSocket; null: the source is another.")
    stop: str


class LiveStream(BaseModel):
    """One live source, under way or over."""

    video_id: UUID = Field(examples=[VIDEO_ID])
    name: str = Field(description="The video's title.")
    state: State
    source: str = Field(description="The address, without login and query.")
    kind: Kind
    push: PushAddress | None = Field(
        description="Of `listen` and `srt`: where to send to; null until a worker "
        "listens."
    )
    model: str | None = Field(description="What runs, or is to run.")
    engine: str | None = Field(description="Null until it runs.")
    look_ahead_s: float | None = Field(
        description="How much video after an event the model waits for, in seconds."
    )
    record: bool
    recording: Literal["on", "off", "stopped"]
    recording_problem: str | None = Field(description="Why it stopped.")
    analyse_after: bool
    facts: SourceFacts | None = Field(description="Null until a picture came.")
    began_at: datetime | None = Field(
        description="Wall clock of the first picture, at 0 s."
    )
    edge_s: float = Field(description="Of the latest picture the model has seen.")
    recorded_s: float = Field(description="Up to where the playlist reaches.")
    steps: int = Field(description="Pictures the model has seen.")
    latency: Latency
    gaps: list[Gap] = Field(description="The latest 500; empty in lists.")
    changes: int = Field(description="The number of the latest change of events.")
    end_reason: str | None = Field(
        description="Why it ended, where it was neither stopped nor over by itself: "
        "the source fell silent, or sent what cannot be used. All that was before is "
        "kept."
    )
    error: JobError | None
    created_at: datetime
    ended_at: datetime | None
    links: LiveLinks

    @classmethod
    def of(
        cls,
        stream: StreamRow,
        video: Video,
        job: Job,
        *,
        gaps: Iterable[GapRow] = (),
        sent: Mapping[str, float] | None = None,
    ) -> Self:
        """Read the rows of a stream.

        Args:
            gaps: the latest ones, in order.
            sent: percentiles of what this process has sent.
        """
        checkpoint = stream.checkpoint or {}
        error = None
        if job.error_code is not None and job.status == "failed":
            error = {
                "code": job.error_code,
                "detail": job.error_detail or "",
                "retryable": bool(job.error_retryable),
            }
        is_open = job.status in ("queued", "running")
        return cls.model_validate(
            {
                **{name: getattr(stream, name) for name in _SAME},
                "name": video.title or str(video.id),
                "state": state_of(stream, job),
                "source": (video.source or {}).get("live", stream.kind),
                "push": stream.push if is_open else None,
                "model": checkpoint.get("name") or stream.model,
                "engine": checkpoint.get("engine"),
                "recording": recording_of(stream),
                "latency": {**(stream.latency or {}), "sent": sent},
                "gaps": [Gap.model_validate(gap) for gap in gaps],
                "error": error,
                "ended_at": None if is_open else stream.ended_at or job.finished_at,
                "links": _links(stream),
            }
        )


class LivePage(Page[LiveStream]):
    """Streams, the newest first."""


def _links(stream: StreamRow) -> dict[str, str | None]:
    own, video = f"/live/{stream.video_id}", f"/videos/{stream.video_id}"
    return {
        "self": own,
        "video": video,
        "events": f"{video}/events",
        "events_stream": f"{own}/events/stream",
        "hls": f"{own}/hls/index.m3u8" if stream.record else None,
        "push": f"{own}/push" if stream.kind == "push" else None,
        "stop": f"{own}/stop",
    }


_SAME = (
    *("video_id", "kind", "look_ahead_s", "record", "recording_problem"),
    *("analyse_after", "facts", "began_at", "edge_s", "recorded_s", "steps"),
    *("changes", "end_reason", "created_at"),
)
