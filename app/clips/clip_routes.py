"""Clips of events: ask for them, look at them, load them, delete them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

from fastapi import Request, Response

from app.clips.chosen_events import choose_events
from app.clips.clip_options import Match
from app.clips.clip_queries import clips_page
from app.clips.clipping import add_clip
from app.clips.path_ids import ClipId
from app.clips.problems import CannotCut, ClipNotFound
from app.clips.request_schemas import NewClip, NewClipOfMatches
from app.clips.schemas import Clip, ClipPage
from app.clips.stored_clips import find_clip, remove_clip
from app.core.db.snapshot import snapshot
from app.core.errors import (
    EventNotFound,
    FramesUnknown,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidCursor,
    UnknownType,
    VideoNotFound,
    VideoNotStored,
)
from app.core.http.dependencies import IdempotencyKey, ResourcesDep, VideoId
from app.core.http.pagination import Paging, PagingDep
from app.core.http.problems import WITH_JSON, problem_responses
from app.core.http.routing import guarded_router
from app.core.resources import Resources
from app.idempotency.fingerprints import edit_fingerprint
from app.idempotency.service import made_before, make_once
from app.jobs.kinds import KINDS, JobKind
from app.timelines.problems import (
    AnalysisTooOld,
    NoTimeline,
    ScoresNotFound,
    UnknownTeam,
)
from app.videos.service import find_video

router = guarded_router("clips")


class Chosen(NamedTuple):
    """The events that a clip is made of.

    Attributes:
        is_part: a search found more than this.
    """

    matches: Sequence[Match]
    is_part: bool = False


@router.post(
    "/videos/{video_id}/clips",
    status_code=202,
    responses=problem_responses(
        *(VideoNotFound, VideoNotStored, EventNotFound, NoTimeline, FramesUnknown),
        *(UnknownType, UnknownTeam, CannotCut, ScoresNotFound, AnalysisTooOld),
        ClipNotFound,  # an earlier request's, deleted since
        *(IdempotencyKeyInUse, IdempotencyKeyReused, *WITH_JSON),
    ),
)
def create_clip(
    request: Request,
    response: Response,
    video_id: VideoId,
    resources: ResourcesDep,
    wanted: NewClip,
    idempotency_key: IdempotencyKey = None,
) -> Clip:
    """Make clips of events: a reel, an archive of single clips, or a playlist.

    The events are those of the timeline as it is now; later corrections change nothing
    of it. A playlist is there at once, the rest is rendered by a job.
    """
    return make_clip(
        *(request, response, resources, wanted),
        choose=lambda: Chosen([choose_events(video_id, wanted, resources)]),
        video_id=video_id,
        idempotency_key=idempotency_key,
    )


def make_clip(
    request: Request,
    response: Response,
    resources: Resources,
    wanted: NewClip | NewClipOfMatches,
    *,
    choose: Callable[[], Chosen],
    video_id: UUID | None,
    idempotency_key: str | None,
) -> Clip:
    """Keep what is asked for, once for a key, and notify its workers.

    Args:
        choose: finds the events, if nothing was made yet.
    """
    fingerprint = edit_fingerprint(
        request.url.path, "", wanted.model_dump(mode="json", exclude_unset=True)
    )
    key = idempotency_key
    earlier = made_before(resources.sessions, key, fingerprint=fingerprint)
    chosen = choose() if earlier is None else Chosen([])
    with resources.sessions.begin() as session:
        clip_id, is_new = earlier, False
        if clip_id is None:
            clip_id, is_new = make_once(
                *(session, key),
                lambda: (
                    add_clip(
                        *(session, chosen.matches),
                        video_id=video_id,
                        options=wanted.options,
                        form=wanted.form,
                        mode=wanted.mode,
                        is_part=chosen.is_part,
                        settings=resources.settings,
                    )[0].id
                ),
                fingerprint=fingerprint,
                video_id=video_id,
            )
        clip, job = find_clip(session, clip_id)
        answer = Clip.of(clip, job)
    if job is not None and is_new:
        resources.notifier.notify_job(job.id, queue=KINDS[JobKind.CLIPS].queue)
    response.headers["location"] = f"/clips/{answer.id}"
    return answer


@router.get(
    "/videos/{video_id}/clips",
    responses=problem_responses(VideoNotFound, InvalidCursor),
)
def list_clips(
    paging: PagingDep, video_id: VideoId, resources: ResourcesDep
) -> ClipPage:
    """List a video's clips, the newest first."""
    return clip_page(paging, resources, video_id=video_id)


def clip_page(
    paging: Paging, resources: Resources, *, video_id: UUID | None
) -> ClipPage:
    """Give a page of a video's clips, or of all in the project."""
    before = paging.before("clips")
    with snapshot(resources) as session:
        if video_id is not None:
            find_video(session, video_id)
        statement = clips_page(video_id, before=before, limit=paging.limit)
        found = session.execute(statement).all()
    page, next_cursor = paging.newest_first("clips", found, id_of=lambda row: row[0].id)
    return ClipPage(items=[Clip.of(*row) for row in page], next_cursor=next_cursor)


@router.get("/clips/{clip_id}", responses=problem_responses(ClipNotFound))
def get_clip(clip_id: ClipId, resources: ResourcesDep) -> Clip:
    """Look at a clip: how far it is, and its cuts with their events."""
    with resources.sessions() as session:
        return Clip.of(*find_clip(session, clip_id))


@router.delete(
    "/clips/{clip_id}", status_code=204, responses=problem_responses(ClipNotFound)
)
def delete_clip(clip_id: ClipId, resources: ResourcesDep) -> Response:
    """Delete a clip and its file; a job that still renders it is canceled."""
    with resources.sessions.begin() as session:
        key, delivery_id = remove_clip(session, clip_id, settings=resources.settings)
    if delivery_id is not None:
        resources.notifier.notify_delivery(delivery_id)
    if key is not None:
        with suppress(OSError):  # A sweep finds it.
            resources.storage.delete(key)
    return Response(status_code=204)
