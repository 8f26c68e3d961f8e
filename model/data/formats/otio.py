"""OpenTimelineIO: the video as one clip, with a marker for each event."""

from collections.abc import Mapping, Sequence
from typing import Any

from model.data.formats.base import EventFormat, Holds, ReadOptions, Sample
from model.data.formats.clock import Clock, exact_rate, frame_of
from model.data.formats.events import (
    EventFacts,
    ExportedVideo,
    NeedsOption,
    Problem,
    ReadEvent,
    ReadFile,
    ReadVideo,
    read_name,
    written_name,
)
from model.data.formats.json_data import MALFORMED
from model.data.formats.provenance import KEY, Provenance, read_line
from model.errors import BadAnnotations, CannotWrite

OURS = "touchline"
RATE_SLACK = 0.0005
_OWN = ("score", "team")
COLOURS = ("RED", "ORANGE", "YELLOW", "GREEN", "CYAN", "BLUE", "PURPLE", "MAGENTA")


def to_otio(events: Sequence[EventFacts], video: ExportedVideo) -> str:
    """Write a timeline with one clip; a marker is one frame long.

    Raises:
        CannotWrite: the frame rate is unknown or varies.
    """
    from opentimelineio import adapters, opentime, schema

    if not video.fps or not video.is_constant:
        raise CannotWrite(
            "OpenTimelineIO counts frames at a constant rate; the video's "
            + ("is unknown" if not video.fps else "varies")
        )
    fps = exact_rate(video.fps)
    last = max((frame_of(event) for event in events), default=0) + 1
    count = max(video.frame_count or round((video.duration_s or 0) * fps), last)
    whole = opentime.TimeRange(
        opentime.RationalTime(0, fps), opentime.RationalTime(count, fps)
    )
    media = schema.ExternalReference(target_url=video.name, available_range=whole)
    clip = schema.Clip(name=video.name, media_reference=media, source_range=whole)
    colours: dict[str, str] = {}
    for event in events:
        start = opentime.RationalTime(frame_of(event), fps)
        at = colours.setdefault(event.label, COLOURS[len(colours) % len(COLOURS)])
        marker = schema.Marker(
            name=event.label,
            marked_range=opentime.TimeRange(start, opentime.RationalTime(1, fps)),
            color=at,
            metadata={OURS: _facts(event)},
        )
        clip.markers.append(marker)
    timeline = schema.Timeline(name=video.name)
    if video.provenance is not None:
        # As text: OpenTimelineIO's own dictionaries have no nulls in lists.
        timeline.metadata[OURS] = {KEY: video.provenance.to_line()}
    track = schema.Track(name="V1", kind=schema.TrackKind.Video)
    track.append(clip)
    timeline.tracks.append(track)
    return str(adapters.write_to_string(timeline, "otio_json"))


def read_otio(data: bytes, options: ReadOptions) -> ReadFile:
    """Read the markers of a timeline: of its one clip, or of the timeline itself.

    Raises:
        BadAnnotations: not of that form.
        NeedsOption: several clips have markers, and none is named.
    """
    from opentimelineio import adapters, schema

    try:
        timeline = adapters.read_from_string(data.decode("utf-8-sig"), "otio_json")
    except Exception as exc:  # it raises all kinds, KeyError and TypeError among them
        raise BadAnnotations(f"cannot be read as OpenTimelineIO: {exc}") from exc
    if not isinstance(timeline, schema.Timeline) or timeline.tracks is None:
        raise BadAnnotations("holds no timeline of OpenTimelineIO")
    owners: list[Any] = [timeline.tracks, *timeline.tracks, *timeline.find_clips()]
    owners = [one for one in owners if len(one.markers)]
    if options.video is not None:
        owners = [one for one in owners if one.name == options.video]
    if not owners:
        empty = ReadVideo((), provenance=_provenance_of(timeline))
        return ReadFile([empty], notes=["has no markers"])
    if len(owners) > 1:
        names = tuple(str(one.name) for one in owners)
        raise NeedsOption("video", "has markers on several clips: name one", names)
    file, events = ReadFile(), []
    for number, marker in enumerate(owners[0].markers, start=1):
        try:
            events.append(_read_marker(f"marker {number}", marker, owners[0], options))
        except (*MALFORMED, ArithmeticError) as exc:
            file.problems.append(Problem(f"marker {number}", str(exc)))
    provenance = _provenance_of(timeline)
    file.videos.append(ReadVideo(tuple(events), provenance=provenance))
    return file


def _provenance_of(timeline: Any) -> Provenance | None:
    ours = timeline.metadata.get(OURS)
    return read_line(str(ours.get(KEY))) if isinstance(ours, Mapping) else None


def _read_marker(
    where: str, marker: Any, owner: Any, options: ReadOptions
) -> ReadEvent:
    start = marker.marked_range.start_time
    media = getattr(owner, "media_reference", None)
    # A clip's markers count from the start of its file's timecode.
    zero = getattr(getattr(media, "available_range", None), "start_time", None)
    if zero is not None:
        start = start - zero
    ours = dict(marker.metadata.get(OURS, {}))
    score = ours.pop("score", None)
    team = ours.pop("team", None)
    rate = float(start.rate)
    is_frame = _counts_frames(options.clock, rate)
    return ReadEvent(
        where,
        str(marker.name),
        None if is_frame else float(start.value) / rate,
        round(start.value) if is_frame else None,
        score=None if score is None else float(score),
        team=None if team is None else str(team),
        attributes={read_name(str(key)): str(value) for key, value in ours.items()},
    )


def _counts_frames(clock: Clock | None, rate: float) -> bool:
    """Whether a marker names a frame, at the video's own rate; else it tells a time."""
    if clock is None or not clock.is_constant:
        return False
    return abs(clock.fps / rate - 1) < RATE_SLACK


def _facts(event: EventFacts) -> dict[str, Any]:
    facts: dict[str, Any] = {
        written_name(name, is_taken=name in _OWN): value
        for name, value in event.attributes.items()
    }
    if event.score is not None:
        facts["score"] = event.score
    if event.team is not None:
        facts["team"] = event.team
    return facts


def _is_like(sample: Sample) -> bool:
    return isinstance(sample.json, dict) and "OTIO_SCHEMA" in sample.json


OTIO = EventFormat(
    name="otio",
    title="OpenTimelineIO",
    suffix="otio",
    media_type="application/json",
    is_like=_is_like,
    holds=Holds(
        "constant",
        score=True,
        team=True,
        attributes=True,
        provenance="all",
        loses="videos of a variable rate",
    ),
    read=read_otio,
    write=to_otio,
    package="opentimelineio",
)
