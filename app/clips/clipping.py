"""Clips of events: asked for, found, deleted; in transactions given to it."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from app.clips.clip_options import (
    IS_PART,
    PLAYLIST,
    ClipForm,
    ClipMode,
    ClipOptions,
    Match,
    stored_cuts,
    stored_provenance,
)
from app.clips.problems import CannotCut
from app.clips.tables import Clip
from app.core.db.base import new_id, utc_now
from app.core.db.project_sessions import project_of
from app.core.settings import Settings
from app.jobs.kinds import JobKind
from app.jobs.requests import request
from app.jobs.tables import Job
from app.videos.queries import lock_video
from app.videos.service import find_video, stored_key, video_not_found
from model.errors import BadCut


def add_clip(
    session: Session,
    matches: Sequence[Match],
    *,
    video_id: UUID | None,
    options: ClipOptions,
    form: ClipForm,
    mode: ClipMode,
    settings: Settings,
    is_part: bool = False,
) -> tuple[Clip, Job | None]:
    """Keep what is asked for, and queue its job if something is to be rendered.

    Args:
        matches: whose events are shown.
        video_id: whose clip it is; None: the project's.
        is_part: a search found more than this.

    Raises:
        VideoNotFound: a video has been deleted meanwhile.
        VideoNotStored: its file is not here yet.
        CannotCut: there is nothing to cut, or too much.
    """
    # Locked, or a deletion meanwhile would leave the job without its video. In order
    # of their ids: two requests that name the same ones must not wait for each other.
    for one in sorted(match.video_id for match in matches):
        if session.execute(lock_video(one)).one_or_none() is None:
            raise video_not_found(one)
        stored_key(find_video(session, one))
    try:
        cuts = options.plan(matches, max_s=settings.max_duration.total_seconds())
    except BadCut as exc:
        raise CannotCut(str(exc)) from exc
    clip_id, job = new_id(), None
    if form != PLAYLIST:
        job = request(
            session,
            kind=JobKind.CLIPS,
            video_id=video_id,
            params={"clip_id": str(clip_id)},
        )
    clip = Clip(
        id=clip_id,
        video_id=video_id,
        job_id=None if job is None else job.id,
        form=form,
        mode=mode,
        options={
            **options.stored(),
            **stored_provenance(matches),
            **({IS_PART: True} if is_part else {}),
        },
        project_id=project_of(session) if video_id is None else None,
        events=[event for match in matches for event in match.events],
        cuts=stored_cuts(cuts, matches),
        created_at=utc_now(),
    )
    session.add(clip)
    session.flush()
    return clip, job
