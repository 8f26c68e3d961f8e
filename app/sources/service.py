"""Videos whose bytes come from elsewhere: the row is there before the bytes are."""

import heapq
import os
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import structlog
from anyio.to_thread import run_sync
from sqlalchemy.orm import Session

from app.core.db.base import new_id
from app.core.db.project_sessions import project_of
from app.core.errors import (
    RULE,
    CallbackRefused,
    IdempotencyKeyInUse,
    InvalidRequest,
)
from app.core.resources import Resources
from app.core.settings import Settings
from app.core.storage.addresses import is_bucket_url
from app.core.storage.buckets import check_bucket
from app.idempotency.fingerprints import source_fingerprint
from app.idempotency.service import mark_used, used_before
from app.jobs.kinds import KINDS, NO_MODEL, JobKind
from app.jobs.requests import request
from app.jobs.tables import JobStatus
from app.projects.quotas import take_queue, take_stored
from app.sources.folder import FoundFile, ImportFolder
from app.sources.joining import find_parts
from app.sources.problems import ImportNotFound, SourceRefused
from app.sources.queries import latest_source_job
from app.sources.schemas import NewVideo
from app.videos.queries import video_with_jobs
from app.videos.room import ensure_free_space
from app.videos.service import stored_key
from app.videos.tables import JoinFacts, Video
from app.videos.upload import check_usable, keep_field
from app.videos.upload_form import clean_filename
from app.videos.upload_rows import Accepted, UploadFormData
from app.webhooks.checking import check_address

KIND_OF_SOURCE = {
    "url": JobKind.DOWNLOAD,
    "import": JobKind.IMPORT,
    "join": JobKind.JOIN,
}

log = structlog.get_logger(__name__)


class _Coming(NamedTuple):
    """What is known of a file before it comes."""

    name: str
    size_bytes: int = 0
    parts: JoinFacts | None = None


async def accept_source(
    wanted: NewVideo, key: str | None, *, resources: Resources, now: datetime
) -> Accepted:
    """Make a video whose bytes are to come, and queue the job that brings them.

    Args:
        key: an Idempotency-Key: the same request, sent again, gets the same video.

    Raises:
        SourceRefused, ImportNotFound, VideoNotFound, VideoNotStored, FileDropped:
            nothing can come from there.
        InvalidRequest, CallbackRefused, UnknownModel: a field is not what it must be.
        StorageFull, StoredQuotaReached, QueueQuotaReached: there is no room.
        IdempotencyKeyInUse, IdempotencyKeyReused: the key belongs to another request.
    """
    form = UploadFormData()
    for name, value in wanted.fields.items():
        keep_field(name, value, form)
    if key is not None:
        # What it was made of or with may be gone by now, as joined videos are.
        look = partial(_sent_before, wanted, form, key, resources)
        earlier = await run_sync(look, limiter=resources.upload_threads)
        if earlier is not None:
            return earlier
    for name, value in form.fields.items():
        await check_usable(name, value, resources)
    coming = await _what_comes(wanted, resources)
    await ensure_free_space(resources, coming.size_bytes)
    form.filename = clean_filename(coming.name) or None
    write = partial(
        _write,
        wanted,
        form,
        key,
        coming,
        resources=resources,
        now=now,
    )
    accepted, is_new = await run_sync(write, limiter=resources.upload_threads)
    if is_new:
        log.info("video_requested", video=str(accepted.video.id))
        queue = KINDS[JobKind(accepted.job.kind)].queue
        notify = partial(resources.notifier.notify_job, accepted.job.id, queue=queue)
        await run_sync(notify, limiter=resources.upload_threads)
    return accepted


def list_imports(
    settings: Settings, *, after: str | None, limit: int
) -> list[FoundFile]:
    """List video files in the folder of imports, by path; one more than `limit`.

    Raises:
        ImportNotFound: there is no such folder.
    """
    try:
        found = (
            file
            for file in _folder(settings).list()
            if after is None or file.path > after
        )
        return heapq.nsmallest(limit + 1, found, key=lambda file: file.path)
    except OSError as exc:
        raise ImportNotFound(
            f"The folder of imports cannot be read: {exc.strerror or exc}."
        ) from exc


def find_import(path: str, settings: Settings) -> FoundFile:
    """Find a file in the folder of imports.

    Raises:
        SourceRefused: the path leads out of the folder, or names no video file.
        ImportNotFound: there is no such file, or no such folder.
    """
    try:
        with _folder(settings).open(path) as file:
            facts = os.fstat(file.fileno())
    except ValueError as exc:
        raise SourceRefused(f"import {path[:200]!r} {exc}.") from exc
    except OSError as exc:
        raise ImportNotFound(
            f"No video file has the path {path[:200]!r} in the folder of imports; "
            "GET /imports lists those there are."
        ) from exc
    return FoundFile.of(path, facts)


def params_of_source(
    session: Session, video: Video, kind: JobKind
) -> Mapping[str, object]:
    """Give the parameters of one more job that brings a video's bytes.

    Raises:
        InvalidRequest: they are here, come from elsewhere, or are under way.
        FileDropped: they are gone by the project's rules.
    """
    if video.dropped_at is not None:
        stored_key(video)  # raises
    if video.storage_key is not None:
        raise InvalidRequest(
            "The video's file is here already.",
            kind=RULE,
        )
    latest = session.scalars(latest_source_job(video.id, kind)).one_or_none()
    if latest is None:
        raise InvalidRequest(
            f"The video's file comes by no job of the kind {kind}.", kind=RULE
        )
    if not JobStatus(latest.status).is_final:
        raise InvalidRequest(
            f"The job {latest.id} is bringing the video's file.", kind=RULE
        )
    return latest.params


def _folder(settings: Settings) -> ImportFolder:
    if settings.import_dir is None:
        raise ImportNotFound(
            "No folder of imports is set up; the operator names one with "
            "TOUCHLINE_IMPORT_DIR."
        )
    return ImportFolder(settings.import_dir, data_dir=settings.data_dir)


async def _what_comes(wanted: NewVideo, resources: Resources) -> _Coming:
    """Find what is asked for; see `accept_source`."""
    if wanted.url is not None:
        await _check_url(wanted.url, resources)
        return _Coming(_name_in(wanted.url))
    if wanted.videos is not None:
        look = partial(
            find_parts,
            *(wanted.videos, wanted.parts),
            encode=wanted.encode,
            resources=resources,
        )
        parts = await run_sync(look, limiter=resources.upload_threads)
        size_bytes = sum(one["size_bytes"] for one in parts["files"])
        return _Coming(parts["files"][0]["filename"] or "", size_bytes, parts)
    path = str(wanted.import_)
    find = partial(find_import, path, resources.settings)
    found = await run_sync(find, limiter=resources.upload_threads)
    return _Coming(path, found.size_bytes)


async def _check_url(url: str, resources: Resources) -> None:
    """Refuse an address that the job would refuse; it judges it again."""
    try:
        if is_bucket_url(url):
            check_bucket(url, resources.settings)
        else:
            await check_address(url, resources, name="url")
    except (CallbackRefused, InvalidRequest) as exc:
        raise SourceRefused(exc.detail) from exc


def _name_in(url: str) -> str:
    """Give the last part of an address; nothing of a bucket's is percent-encoded."""
    path = url if is_bucket_url(url) else unquote(urlsplit(url).path)
    return path.rsplit("/", 1)[-1]


def _sent_before(
    wanted: NewVideo, form: UploadFormData, key: str, resources: Resources
) -> Accepted | None:
    """Find what the same request made; the key is not taken by that."""
    fingerprint = source_fingerprint(wanted.said, form.fields)
    with resources.sessions() as session:
        return _earlier(session, key, fingerprint)


def _earlier(session: Session, key: str | None, fingerprint: str) -> Accepted | None:
    earlier = used_before(session, key, fingerprint=fingerprint)
    if earlier is None:
        return None
    found = session.execute(video_with_jobs(earlier.video_id)).one_or_none()
    if found is None:
        raise IdempotencyKeyInUse(
            "The video of this Idempotency-Key has just been deleted."
        )
    return Accepted(*found)


def _write(
    wanted: NewVideo,
    form: UploadFormData,
    key: str | None,
    coming: _Coming,
    *,
    resources: Resources,
    now: datetime,
) -> tuple[Accepted, bool]:
    """Write video and job in one transaction; or find those of the same request."""
    source = wanted.source
    fingerprint = source_fingerprint(wanted.said, form.fields)
    with resources.sessions.begin() as session:
        earlier = _earlier(session, key, fingerprint)
        if earlier is not None:
            return earlier, False
        take_stored(session, project_of(session), coming.size_bytes)
        if form.fields.get("model") != NO_MODEL:
            take_queue(session, project_of(session))
        video = Video(
            id=new_id(),
            **form.facts,
            filename=form.filename,
            callback_url=form.fields.get("callback_url"),
            source=dict(source),
            parts=coming.parts,
            created_at=now,
        )
        session.add(video)
        session.flush()
        (kind,) = (KIND_OF_SOURCE[name] for name in source)
        job = request(
            session,
            kind=kind,
            video_id=video.id,
            params=_params(wanted, form.fields),
            priority=int(form.fields.get("priority", 0)),
        )
        mark_used(
            session, key, fingerprint=fingerprint, video_id=video.id, job_id=job.id
        )
    return Accepted(video, job, None), True


def _params(wanted: NewVideo, fields: Mapping[str, str]) -> dict[str, object]:
    params: dict[str, object] = {"model": fields.get("model")}
    if wanted.videos is not None:
        params |= {"encode": wanted.encode, "keep_originals": wanted.keep_originals}
    return params
