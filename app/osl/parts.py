"""Uploads in numbered parts, on top of those that can be resumed.

A part is a stretch of the file: the next one is taken, one that is here already is
answered as it was, and a later one is refused until those before it are here.
"""

import hashlib
from base64 import b64encode
from datetime import datetime
from uuid import UUID

from starlette.types import Receive

from app.core.errors import RULE, InvalidRequest
from app.core.resources import Resources
from app.osl.problems import PartsMissing
from app.osl.schemas import Part
from app.osl.schemas import UploadState as Answer
from app.uploads.chunk import Chunk
from app.uploads.protocol import Checksum
from app.uploads.receive import receive_chunk
from app.uploads.service import UploadState, create_upload, look_at_upload

PART_BYTES = 64 * 2**20


async def begin(
    filename: str, size_bytes: int, *, resources: Resources, now: datetime
) -> Answer:
    """Announce an upload, whose video no model is to analyse by itself.

    Raises:
        EmptyUpload, VideoTooLarge, StorageFull: see `create_upload`.
    """
    said = {"filename": filename, "model": "none"}
    metadata = ",".join(
        f"{name} {b64encode(value.encode()).decode()}" for name, value in said.items()
    )
    upload = await create_upload(
        size_bytes=size_bytes, metadata=metadata, resources=resources, now=now
    )
    return answer_of(UploadState(upload, 0))


async def take(
    upload_id: UUID,
    number: int,
    receive: Receive,
    *,
    sha256: str | None,
    content_length: int | None,
    resources: Resources,
    now: datetime,
) -> None:
    """Take a part, whole or not at all; with the last one the video is made.

    Raises:
        InvalidRequest: there is no such part, it has another size, or the checksum is
            none.
        ChecksumMismatch, OffsetMismatch, UploadNotFound, ...: see `receive_chunk`.
    """
    state = await look_at_upload(upload_id, resources=resources, now=now)
    size = state.upload.size_bytes
    start = (number - 1) * PART_BYTES
    length = min(PART_BYTES, size - start)
    if not length > 0:
        raise InvalidRequest(f"The upload has no part {number}.", kind=RULE)
    if content_length != length:
        raise InvalidRequest(
            f"Part {number} has {length} bytes; Content-Length says {content_length}.",
            kind=RULE,
        )
    checksum = None if sha256 is None else _checksum(sha256)
    if state.offset_bytes >= start + length:
        return  # It came before; its answer was lost.
    chunk = Chunk(upload_id, start, receive, content_length, checksum, is_part=True)
    await receive_chunk(chunk, resources=resources, now=now)


async def look(upload_id: UUID, *, resources: Resources, now: datetime) -> Answer:
    """Tell which parts of an upload are here.

    Raises:
        UploadNotFound: there is no such upload.
    """
    return answer_of(await look_at_upload(upload_id, resources=resources, now=now))


async def complete(upload_id: UUID, *, resources: Resources, now: datetime) -> UUID:
    """Give the video that an upload became.

    Raises:
        PartsMissing: it is not whole.
        UploadNotFound: there is no such upload.
    """
    answer = await look(upload_id, resources=resources, now=now)
    if answer.asset_id is None:
        raise PartsMissing(
            f"The upload has {len(answer.completed_parts)} parts; send the others.",
            completed_parts=[part.number for part in answer.completed_parts],
        )
    return answer.asset_id


def answer_of(state: UploadState) -> Answer:
    """Count the parts that are whole."""
    size = state.upload.size_bytes
    whole = state.offset_bytes // PART_BYTES + (
        state.offset_bytes == size and size % PART_BYTES > 0
    )
    return Answer(
        id=state.upload.id,
        part_size=PART_BYTES,
        completed_parts=[
            Part(number=number, etag=etag_of(state.upload.id, number))
            for number in range(1, whole + 1)
        ],
        asset_id=state.video_id,
    )


def etag_of(upload_id: UUID, number: int) -> str:
    """Name a part; the service compares parts by their checksum, not by this."""
    name = f"{upload_id}/{number}".encode()
    return hashlib.sha256(name).hexdigest()[:32]


def _checksum(sha256: str) -> Checksum:
    try:
        digest = bytes.fromhex(sha256)
    except ValueError:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise InvalidRequest("X-Content-SHA256 must be a SHA-256 in hexadecimal.")
    return Checksum("sha256", digest)
