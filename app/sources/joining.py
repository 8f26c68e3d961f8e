"""Videos that are made of several files: what is joined, and what comes of it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import RULE, InvalidRequest, SourceMissing
from app.core.resources import Resources
from app.core.storage.interface import StoredFile
from app.core.storage.keys import joined_part_key
from app.sources.queries import save_file
from app.videos.parts import name_of, new_join, part_facts
from app.videos.queries import add_pending_deletion
from app.videos.room import too_large
from app.videos.service import delete_row, find_video, stored_key
from app.videos.tables import HalfFacts, JoinFacts, PartFacts, Video
from model.video.join_rules import UNASKED_S


class PlacedPart(NamedTuple):
    """Where a part lies in the video; see `PartFacts`."""

    start_s: float
    end_s: float
    offset_s: float


class JoinResult(NamedTuple):
    """What joining has come to; see `JoinFacts`."""

    mode: str
    sound: str | None
    warnings: Mapping[str, str]
    parts: Sequence[PlacedPart]


def find_parts(
    video_ids: Sequence[UUID],
    kind: str,
    *,
    encode: bool | None,
    resources: Resources,
) -> JoinFacts:
    """Find the videos that are to be joined.

    Args:
        video_ids: in the order of play.
        kind: how they are to be joined.
        encode: whether they may be encoded anew; None: if that takes not long.
        resources: of this process.

    Raises:
        VideoNotFound: the project has no such video.
        VideoNotStored, FileDropped: its file is not here.
        VideoTooLarge: they are larger together than a video may be.
        InvalidRequest: they must be encoded, which takes long and was not asked for.
    """
    with resources.sessions() as session:
        videos = [find_video(session, one) for one in video_ids]
    for video in videos:
        stored_key(video)  # raises
    if (
        sum(video.size_bytes or 0 for video in videos)
        > resources.settings.max_upload_size
    ):
        raise too_large(resources.settings.max_upload_size)
    _refuse_known_differences(videos, encode=encode)
    files = [
        part_facts(
            video.filename,
            size_bytes=video.size_bytes or 0,
            sha256=video.sha256,
            video_id=str(video.id),
        )
        for video in videos
    ]
    return new_join(kind, files)


def keys_of(session: Session, video: Video) -> list[str]:
    """Tell where the files lie that a video is to be made of.

    Raises:
        SourceMissing: one is gone; the message names it.
    """
    if video.parts is None:
        raise SourceMissing("The video is made of no other files.")
    return [
        _key_of(session, video, number, part)
        for number, part in enumerate(video.parts["files"], start=1)
    ]


def save_joined(
    session: Session,
    video_id: UUID,
    stored: StoredFile,
    made: JoinResult,
    *,
    keep_originals: bool,
) -> None:
    """Note the joined file in the transaction that ends the job which made it.

    Uploaded parts are deleted then, and videos, if that was asked for.

    Raises:
        QuotaReached: it does not fit into the project's quota.
    """
    video = session.get_one(Video, video_id)
    parts = video.parts
    if parts is None:
        raise ValueError("the video has no parts")
    _let_go(session, video, parts, keep_originals=keep_originals)
    video.parts_bytes = None
    video.parts = JoinFacts(
        kind=parts["kind"],
        mode=made.mode,
        sound=made.sound,
        warnings=dict(made.warnings),
        files=[
            _placed(part, place)
            for part, place in zip(parts["files"], made.parts, strict=True)
        ],
    )
    if parts["kind"] == "halves" and video.halves is None:
        video.halves = [
            HalfFacts(
                start_s=max(0.0, place.start_s), end_s=place.end_s, clock_start_s=None
            )
            for place in made.parts
        ]
        video.facts_version += 1
    session.flush()
    save_file(session, video_id, stored)


def _let_go(
    session: Session, video: Video, parts: JoinFacts, *, keep_originals: bool
) -> None:
    """Have what is not needed any more deleted with the end of this transaction."""
    if not keep_originals:
        for one in _originals(session, video, parts):
            delete_row(session, one)
    for number, part in enumerate(parts["files"], start=1):
        if part["storage_key"] is not None:
            gone = joined_part_key(video.id, number)
            session.execute(add_pending_deletion(gone))


def _placed(part: PartFacts, place: PlacedPart) -> PartFacts:
    return {
        **part,
        "storage_key": None,
        "start_s": place.start_s,
        "end_s": place.end_s,
        "offset_s": place.offset_s,
    }


def _key_of(session: Session, video: Video, number: int, part: PartFacts) -> str:
    if part["storage_key"] is not None:
        return part["storage_key"]
    key = None
    if part["video_id"] is not None:
        key = session.scalar(
            select(Video.storage_key).where(
                Video.id == UUID(part["video_id"]),
                Video.project_id == video.project_id,
            )
        )
    if key is None:
        raise SourceMissing(
            f"The file of {name_of(number, part['filename'])} is gone: its video was "
            "deleted, or its file was. Join again without it, or upload it anew."
        )
    return key


def _originals(session: Session, video: Video, parts: JoinFacts) -> list[UUID]:
    """Find the videos that were joined and still are there."""
    named = [UUID(one["video_id"]) for one in parts["files"] if one["video_id"]]
    found = select(Video.id).where(
        Video.id.in_(named), Video.project_id == video.project_id
    )
    return list(session.scalars(found.order_by(Video.id)))


def _refuse_known_differences(videos: Sequence[Video], *, encode: bool | None) -> None:
    """Refuse at once what the job would, as far as probes have told it already."""
    length_s = sum(video.duration_s or 0.0 for video in videos)
    if encode or (encode is None and length_s <= UNASKED_S):
        return
    first = videos[0]
    for number, video in enumerate(videos[1:], start=2):
        for name in ("codec", "width", "height"):
            its, own = getattr(first, name), getattr(video, name)
            if None not in (its, own) and its != own:
                raise InvalidRequest(
                    f"{name_of(number, video.filename)} has the {name} {own}, "
                    f"{name_of(1, first.filename)} has {its}: they must be encoded "
                    "anew, which takes about as long as they last. Ask for it with "
                    "'encode': true.",
                    kind=RULE,
                )
