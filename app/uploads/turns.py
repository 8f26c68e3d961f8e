"""One request at a time for an upload; one that hangs makes room for the next.

A client that lost its network comes back before the server has noticed: the request of
before still waits for bytes. So whoever comes next asks, and the one that waits ends.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from functools import partial
from uuid import UUID

import anyio
from anyio.to_thread import run_sync

from app.core.resources import Resources
from app.core.storage.interface import ObjectAppender, ObjectBusy
from app.core.storage.keys import upload_key, upload_prefix
from app.uploads.problems import UploadLocked, UploadNotFound, upload_not_found
from app.uploads.queries import ask_for_upload
from app.uploads.tables import ResumableUpload

WAIT_S = 8.0  # for the turn of a request that hangs
ASK_EVERY_S = 0.25


@asynccontextmanager
async def turn(
    upload_id: UUID,
    observe: Callable[[bytes], None] = lambda _: None,
    *,
    resources: Resources,
    wait_s: float = WAIT_S,
    is_presigned: bool | None = False,
) -> AsyncIterator[tuple[ResumableUpload, ObjectAppender]]:
    """Be the one that changes an upload; gives its row and its object.

    Args:
        observe: is told of all bytes that are added.
        is_presigned: whether it is one whose parts the bucket has; None: either.

    Raises:
        UploadLocked: bytes of another request still come.
        UploadNotFound: the upload is gone.
    """
    load = partial(load_upload, upload_id, resources, is_presigned=is_presigned)
    await run_sync(
        load, limiter=resources.upload_threads
    )  # It may not be the caller's.
    async with AsyncExitStack() as stack:
        opened = await _await_turn(
            partial(resources.storage.append, upload_key(upload_id), observe),
            upload_id,
            stack,
            resources,
            wait_s=wait_s,
        )
        reload = partial(_load_anew, upload_id, resources)
        yield await run_sync(reload, limiter=resources.upload_threads), opened


async def _await_turn(
    open_object: Callable[[], AbstractAsyncContextManager[ObjectAppender]],
    upload_id: UUID,
    stack: AsyncExitStack,
    resources: Resources,
    *,
    wait_s: float,
) -> ObjectAppender:
    deadline = time.monotonic() + wait_s
    while True:
        try:
            return await stack.enter_async_context(open_object())
        except ObjectBusy as exc:
            if time.monotonic() > deadline:
                raise UploadLocked(
                    "Another request sends bytes of this upload; try again once it "
                    "has ended."
                ) from exc
        ask = partial(_ask, upload_id, resources)
        await run_sync(ask, limiter=resources.upload_threads)
        await anyio.sleep(ASK_EVERY_S)


def _ask(upload_id: UUID, resources: Resources) -> None:
    with resources.sessions.begin() as session:
        session.execute(ask_for_upload(upload_id))


def load_upload(
    upload_id: UUID, resources: Resources, *, is_presigned: bool | None = None
) -> ResumableUpload:
    """Load an upload's row.

    Args:
        is_presigned: whether it must be one whose parts the bucket has; None: either.

    Raises:
        UploadNotFound: there is no such upload.
    """
    with resources.sessions() as session:
        upload = session.get(ResumableUpload, upload_id)
    if upload is None:
        raise upload_not_found(upload_id)
    if is_presigned not in (None, upload.multipart_id is not None):
        raise upload_not_found(upload_id)
    return upload


def _load_anew(upload_id: UUID, resources: Resources) -> ResumableUpload:
    """Load an upload whose turn is ours; the object goes if it is needed no more."""
    prefix = upload_prefix(upload_id)
    try:
        upload = load_upload(upload_id, resources)
    except UploadNotFound:  # It was deleted while its turn was waited for.
        resources.storage.delete_prefix(prefix)
        raise
    if upload.video_id is not None:
        resources.storage.delete_prefix(prefix)
    return upload
