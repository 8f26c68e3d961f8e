"""Which events of timelines a clip is made of, and by which times it is planned."""

import math
from collections.abc import Mapping, Sequence
from typing import get_args
from uuid import UUID

from app.annotations.merge import TimelineEvent
from app.annotations.selection import SHOWN, EventQuery
from app.clips.clip_options import Match, clipped_event
from app.clips.problems import CannotCut
from app.clips.request_schemas import (
    MAX_VIDEOS,
    EventFilter,
    EventsOfMatch,
    NewClip,
)
from app.clips.tables import ClippedEvent
from app.core.errors import EventNotFound, FramesUnknown
from app.core.resources import Resources
from app.timelines.found_events import EventsRequest, find_events
from app.timelines.schemas import EventStateName
from app.videos.frame_times import fallback_from_facts, load_frame_times
from app.videos.tables import Video
from model.video.frame_times import MAX_FRAMES, FrameTimes


def choose_events(video_id: UUID, wanted: NewClip, resources: Resources) -> Match:
    """Find the events that are asked for.

    Raises:
        VideoNotFound, EventNotFound, NoTimeline, FramesUnknown: what is asked for is
            not there, or is not known well enough.
    """
    every = frozenset(get_args(EventStateName))
    if wanted.event_ids is None:
        query = _query(wanted.filter, every)
    else:
        query = EventQuery(states=every)
    asked = EventsRequest(video_id, query, provenance=wanted.provenance)
    found = find_events(asked, resources, limit=None)
    events = {event.id: event for event in found.events}
    if wanted.event_ids is not None:
        events = _named(wanted.event_ids, events)
    clipped = [clipped_event(event, video_id) for event in events.values()]
    times = times_to_plan_with(found.video, clipped, resources)
    return Match(video_id, clipped, times, found.provenance)


def choose_matches(
    wanted: Sequence[EventsOfMatch], resources: Resources, *, provenance: bool = False
) -> list[Match]:
    """Find events of several videos, in the order in which those are first named.

    Raises:
        CannotCut: of too many videos.
        VideoNotFound, EventNotFound, NoTimeline, FramesUnknown: one of them is not
            there, or is not known well enough.
    """
    by_video: dict[UUID, list[EventsOfMatch]] = {}
    for one in wanted:
        by_video.setdefault(one.video_id, []).append(one)
    if len(by_video) > MAX_VIDEOS:
        raise CannotCut(
            f"The events are of {len(by_video)} videos; clips are made of at most "
            f"{MAX_VIDEOS} at once."
        )
    query = EventQuery(states=frozenset(get_args(EventStateName)))
    return [
        _match(EventsRequest(video_id, query, provenance=provenance), hits, resources)
        for video_id, hits in by_video.items()
    ]


def _match(
    asked: EventsRequest, hits: Sequence[EventsOfMatch], resources: Resources
) -> Match:
    video_id = asked.video_id
    found = find_events(asked, resources, limit=None)
    named = _named(
        [one for hit in hits for one in hit.ids],
        {event.id: event for event in found.events},
    )
    clipped = {one: clipped_event(event, video_id) for one, event in named.items()}
    alone = dict.fromkeys(hit.ids[0] for hit in hits if len(hit.ids) == 1)
    events = [clipped[one] for one in alone]
    for number, hit in enumerate(hits):
        if len(hit.ids) > 1:
            events += [
                {**clipped[one], "hit": number} for one in dict.fromkeys(hit.ids)
            ]
    times = times_to_plan_with(found.video, events, resources)
    return Match(video_id, events, times, found.provenance)


def _named(
    ids: Sequence[UUID], events: Mapping[UUID, TimelineEvent]
) -> dict[UUID, TimelineEvent]:
    missing = [str(one) for one in ids if one not in events]
    if missing:
        raise EventNotFound(
            f"The video's timeline has no event with the id {missing[0]}"
            + (f", nor {len(missing) - 1} more." if missing[1:] else ".")
        )
    return {one: events[one] for one in ids}


def times_to_plan_with(
    video: Video, events: Sequence[ClippedEvent], resources: Resources
) -> FrameTimes:
    """Tell when frames are shown; supposed ones go as far as the events do.

    Whether these lie in the video the job says then, which decodes it.
    """
    exact = load_frame_times(video, resources.storage)
    if exact is not None:
        return exact
    supposed = fallback_from_facts(video)
    if supposed is None:
        raise FramesUnknown(
            f"Nothing is known of the frames of the video {video.id} yet: it is looked "
            "at when its first job runs. Try again then."
        )
    last = max((one["frame"] for one in events), default=0)
    last_s = max((one["time_ms"] / 1000 for one in events), default=0.0)
    wanted = max(last, math.ceil(last_s * supposed.fps)) + 1
    if wanted <= len(supposed) or wanted > MAX_FRAMES:
        return supposed
    return FrameTimes.constant(fps=supposed.fps, frames=wanted)


def _query(wanted: EventFilter | None, every: frozenset[EventStateName]) -> EventQuery:
    if wanted is None:
        return EventQuery()
    named = frozenset(state for state in wanted.state if state != "all")
    return EventQuery(
        labels=wanted.type,
        teams=wanted.team,
        min_score=wanted.min_score,
        from_ms=None if wanted.from_s is None else round(wanted.from_s * 1000),
        to_ms=None if wanted.to_s is None else round(wanted.to_s * 1000),
        states=every if "all" in wanted.state else named or SHOWN,
    )
