"""One request, one step: its transaction, its `Idempotency-Key`, and its answer."""

from collections.abc import Callable
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session

from app.annotations.changes import Change
from app.annotations.outcomes import Outcome, find_event, outcome_of, step_again
from app.annotations.problems import EventChanged
from app.annotations.queries import step_that_added
from app.annotations.service import Step, apply_changes, history, lock_video
from app.annotations.timelines import View
from app.annotations.undo import Direction, revert
from app.annotations.wire import event_item, line_item
from app.core.db.base import utc_now
from app.core.db.snapshot import snapshot
from app.core.resources import Resources
from app.idempotency.fingerprints import edit_fingerprint
from app.idempotency.service import mark_used, used_before

Work = Callable[[Session, View], Step]


def do_step(
    request: Request,
    video_id: UUID,
    author: str,
    resources: Resources,
    key: str | None,
    *,
    body: object,
    work: Work,
    named: tuple[UUID, ...] = (),
) -> tuple[Step, Outcome]:
    """Do a step in one transaction, or find what the same request did before.

    Returns:
        The step, and the events that it is about as they are now.
    """
    step = take_step(
        *(request, video_id, author, resources, key), body=body, work=work, named=named
    )
    view = view_of(resources)
    with snapshot(resources) as session:
        return step, outcome_of(session, resources.storage, video_id, step, view=view)


def take_step(
    request: Request,
    video_id: UUID,
    author: str,
    resources: Resources,
    key: str | None,
    *,
    body: object,
    work: Work,
    named: tuple[UUID, ...] = (),
) -> Step:
    """Do a step as `do_step`, for an answer that does not name its events."""
    address = f"{request.method} {request.url.path}"
    fingerprint = edit_fingerprint(address, author, body)
    view = view_of(resources)
    try:
        with resources.sessions.begin() as session:
            earlier = used_before(session, key, fingerprint=fingerprint)
            if earlier is not None:
                step = step_again(session, video_id, earlier.made_id, named)
            else:
                step = work(session, view)
                mark_used(
                    *(session, key),
                    fingerprint=fingerprint,
                    video_id=video_id,
                    made_id=step.step_id,
                )
            return step
    except EventChanged as problem:
        _tell_changes(problem, video_id, resources, view)
        raise


def changing(
    resources: Resources, video_id: UUID, changes: list[Change], author: str
) -> Work:
    """Make the work of a step that applies changes."""

    def work(session: Session, view: View) -> Step:
        return apply_changes(
            session,
            lock_video(session, video_id),
            changes,
            storage=resources.storage,
            view=view,
            author=author,
            now=utc_now(),
        )

    return work


def adding(resources: Resources, video_id: UUID, wanted: Change, author: str) -> Work:
    """Make the work of a step that adds an event, unless it was added before."""
    add = changing(resources, video_id, [wanted], author)

    def work(session: Session, view: View) -> Step:
        if wanted.new_id is None:
            return add(session, view)
        lock_video(session, video_id)
        earlier = session.scalar(step_that_added(video_id, wanted.new_id))
        if earlier is None:
            return add(session, view)
        return step_again(session, video_id, earlier, (wanted.new_id,))

    return work


def reverting(
    resources: Resources, video_id: UUID, direction: Direction, author: str
) -> Work:
    """Make the work of a step that undoes or redoes another."""

    def work(session: Session, view: View) -> Step:
        return revert(
            session,
            lock_video(session, video_id),
            direction,
            storage=resources.storage,
            view=view,
            author=author,
            now=utc_now(),
        )

    return work


def view_of(resources: Resources) -> View:
    """Look at suggestions as the settings say."""
    return View(resources.settings.match_tolerance)


def _tell_changes(
    problem: EventChanged, video_id: UUID, resources: Resources, view: View
) -> None:
    """Add to a problem what the event is now, and what was done since."""
    event_id = UUID(str(problem.extra["event_id"]))
    since = int(str(problem.extra.pop("since")))
    with snapshot(resources) as session:
        lines = history(session, video_id, event_id, since=since)
        event = find_event(session, resources.storage, video_id, event_id, view=view)
    problem.extra["current"] = event_item(event)
    problem.extra["changes"] = [line_item(line) for line in lines]
