"""How clips are cut about events, and how that is kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal, NamedTuple
from uuid import UUID

from app.annotations.merge import TimelineEvent
from app.clips.tables import Clip, ClippedEvent, StoredCut
from app.statistics.play import halves_of, team_names
from app.videos.tables import Video
from model.data.formats.provenance import KEY, Provenance, read_provenance
from model.errors import BadCut
from model.video.captions import (
    CaptionedEvent,
    CaptionOptions,
    MatchWords,
    RunningClock,
    with_captions,
)
from model.video.cuts import (
    Cut,
    CutMode,
    Moment,
    Order,
    length_s,
    plan_cuts,
    refuse_too_many,
)
from model.video.frame_times import FrameTimes

ClipForm = Literal["reel", "zip", "playlist"]
ClipMode = CutMode
PLAYLIST: ClipForm = "playlist"
IS_PART = "is_part"
_PLAYER = "player"


class Match(NamedTuple):
    """A video, the events of it that are shown, and when its frames are.

    Attributes:
        provenance: where its events come from, if the clip is to tell that.
    """

    video_id: UUID
    events: Sequence[ClippedEvent]
    times: FrameTimes
    provenance: Provenance | None = None


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """How clips are cut about events, and in which order they are shown.

    Attributes:
        lead_s: a clip begins so long before its event.
        lag_s: it ends so long after.
        merge: clips that overlap or touch become one.
        order: by time, or the highest score first.
        captions: what is written over them.
    """

    lead_s: float
    lag_s: float
    merge: bool
    order: Order
    captions: CaptionOptions = field(default_factory=CaptionOptions)

    def plan(self, matches: Sequence[Match], *, max_s: float) -> list[Cut]:
        """Choose the frames about events; cuts count the matches from 0.

        Args:
            matches: shown one after another where the order is that of time.
            max_s: how long all of it may be.

        Raises:
            BadCut: there is nothing to cut, or too much.
        """
        cuts = [
            cut
            for number, match in enumerate(matches)
            for cut in plan_cuts(
                map(_moment, match.events),
                match.times,
                lead_s=self.lead_s,
                lag_s=self.lag_s,
                merge=self.merge,
                order=self.order,
                source=number,
            )
        ]
        refuse_too_many(cuts)
        if self.order == "score":
            cuts.sort(key=lambda cut: -cut.score)
        total_s = sum(
            length_s([cut for cut in cuts if cut.source == number], match.times)
            for number, match in enumerate(matches)
        )
        if total_s > max_s:
            raise BadCut(
                f"The clips are {total_s:.0f} s long together; at most {max_s:.0f} s "
                "are made at once. Narrow the filter, or have overlapping ones merged."
            )
        return cuts

    def stored(self) -> dict[str, object]:
        """Write them as a row has them."""
        return {
            "lead_s": self.lead_s,
            "lag_s": self.lag_s,
            "merge": self.merge,
            "order": self.order,
            "captions": asdict(self.captions),
        }


def clipped_event(event: TimelineEvent, video_id: UUID) -> ClippedEvent:
    """Keep of an event what a clip tells of it."""
    player = event.attributes.get(_PLAYER)
    return {
        "id": str(event.id),
        "type": event.label,
        "time_ms": event.time_ms,
        "frame": event.frame,
        "score": event.score if event.state == "suggested" else None,
        "team": event.team,
        "player": None if player is None else str(player),
        "video_id": str(video_id),
    }


def captioned(
    cuts: Sequence[Cut],
    matches: Sequence[Match],
    videos: Sequence[Video],
    options: CaptionOptions,
) -> list[Cut]:
    """Write captions into cuts, in their order."""
    if not options.is_any:
        return list(cuts)
    told = {
        number: with_captions(
            [cut for cut in cuts if cut.source == number],
            match.times,
            {one["id"]: _told(one) for one in match.events},
            options,
            _words(video, match.times),
        )
        for number, (match, video) in enumerate(zip(matches, videos, strict=True))
    }
    waiting = {number: iter(found) for number, found in told.items()}
    return [next(waiting[cut.source]) for cut in cuts]


def stored_cuts(cuts: Iterable[Cut], matches: Sequence[Match]) -> list[StoredCut]:
    """Write cuts as a row has them."""
    return [
        {
            "first": cut.first,
            "until": cut.until,
            "start_s": round(cut.start_s(matches[cut.source].times), 6),
            "end_s": round(cut.end_s(matches[cut.source].times), 6),
            "events": list(cut.names),
            "video_id": str(matches[cut.source].video_id),
        }
        for cut in cuts
    ]


def options_of(clip: Clip) -> ClipOptions:
    """Read back how a clip was asked for."""
    stored = clip.options
    captions = stored.get("captions")
    return ClipOptions(
        lead_s=float(str(stored["lead_s"])),
        lag_s=float(str(stored["lag_s"])),
        merge=bool(stored["merge"]),
        order="score" if stored["order"] == "score" else "time",
        captions=CaptionOptions(**captions)
        if isinstance(captions, dict)
        else CaptionOptions(),
    )


def stored_provenance(matches: Iterable[Match]) -> dict[str, object]:
    """Write where events come from as the options of a row have it."""
    told = [
        one.provenance.without_history().to_dict()
        for one in matches
        if one.provenance is not None
    ]
    return {KEY: told} if told else {}


def provenance_of_clip(clip: Clip) -> list[Provenance]:
    """Read where a clip's events come from, match by match; empty: it does not tell."""
    stored = clip.options.get(KEY)
    found = map(read_provenance, stored if isinstance(stored, list) else ())
    return [one for one in found if one is not None]


def events_by_video(clip: Clip) -> Mapping[UUID, list[ClippedEvent]]:
    """Tell a clip's events by their videos, in the order in which those are shown."""
    found: dict[UUID, list[ClippedEvent]] = {}
    for one in clip.events:
        owner = one.get("video_id") or clip.video_id
        found.setdefault(UUID(str(owner)), []).append(one)
    return found


def _moment(one: ClippedEvent) -> Moment:
    at_s = one["time_ms"] / 1000
    return Moment(one["id"], at_s, one["frame"], one["score"], one.get("hit"))


def _told(one: ClippedEvent) -> CaptionedEvent:
    return CaptionedEvent(
        one["time_ms"] / 1000, one["type"], one["team"], one.get("player")
    )


def _words(video: Video, times: FrameTimes) -> MatchWords:
    halves = halves_of(video.halves, end_s=times.until_s) if video.halves else []
    return MatchWords(
        teams=[team["name"] for team in video.teams or ()],
        names=team_names(video.teams),
        halves=[
            RunningClock(half.start_s, half.end_s, half.clock_start_s or 0.0)
            for half in halves
        ],
    )
