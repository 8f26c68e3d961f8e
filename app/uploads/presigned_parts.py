"""The parts of an upload that the bucket has, and the object that it makes of them."""

from collections.abc import Mapping, Sequence

from app.core.resources import Resources
from app.core.storage.interface import ObjectChanged
from app.core.storage.keys import upload_key
from app.core.storage.multipart import BucketPart
from app.core.storage.part_uploads import PartPlan, PartUploads
from app.uploads.problems import (
    UploadNotFound,
    UploadPartMismatch,
    UploadPartsMissing,
)
from app.uploads.tables import ResumableUpload

MOST_NAMED = 20  # parts, in an answer


def put_together(
    upload: ResumableUpload,
    sent: Mapping[int, str] | None,
    uploads: PartUploads,
    resources: Resources,
) -> None:
    """Have the bucket make the object of an upload, unless a request of before has.

    Args:
        sent: the ETag of each part as its client knows it; None: what the bucket has.

    Raises:
        UploadNotFound: the bucket has ended the upload.
        UploadPartsMissing, UploadPartMismatch: the bucket has not what it should.
    """
    if is_whole(upload, resources):
        return
    found = parts_of(upload, uploads)
    _check_parts(upload, found, sent)
    try:
        uploads.multipart.complete(
            upload_key(upload.id),
            str(upload.multipart_id),
            found,
        )
    except FileNotFoundError as exc:
        if not is_whole(upload, resources):
            raise _ended(upload) from exc
    except ObjectChanged as exc:
        raise UploadPartMismatch(
            "A part was sent anew just now; complete the upload once all are there."
        ) from exc


def parts_of(upload: ResumableUpload, uploads: PartUploads) -> list[BucketPart]:
    """List the parts that the bucket has, by number.

    Raises:
        UploadNotFound: the bucket has ended the upload.
    """
    try:
        return uploads.multipart.parts(upload_key(upload.id), str(upload.multipart_id))
    except FileNotFoundError as exc:
        raise _ended(upload) from exc


def is_whole(upload: ResumableUpload, resources: Resources) -> bool:
    """Whether the bucket has made the object of the parts."""
    try:
        found = resources.storage.stat(upload_key(upload.id))
    except FileNotFoundError:
        return False
    return found.size_bytes == upload.size_bytes


def plan_of(upload: ResumableUpload) -> PartPlan:
    """Tell how a file is cut into parts."""
    return PartPlan(upload.size_bytes, upload.part_bytes or upload.size_bytes)


def _check_parts(
    upload: ResumableUpload,
    found: Sequence[BucketPart],
    sent: Mapping[int, str] | None,
) -> None:
    """Make sure that the bucket has what was announced, and what was sent.

    Raises:
        UploadPartsMissing, UploadPartMismatch: it has not.
    """
    plan, there = plan_of(upload), {part.number: part for part in found}
    named = there.keys() if sent is None else sent.keys() & there.keys()
    missing = [one for one in range(1, plan.count + 1) if one not in named]
    if missing:
        raise UploadPartsMissing(
            f"{len(missing)} of {plan.count} parts are missing, among them "
            f"{', '.join(map(str, missing[:MOST_NAMED]))}: send them, and name all.",
            missing=missing[:MOST_NAMED],
        )
    for part in found:
        wanted = plan.size_of(part.number)
        if part.size_bytes != wanted:
            raise UploadPartMismatch(
                f"Part {part.number} has {part.size_bytes} bytes; it must have "
                f"{wanted} for a file of {upload.size_bytes}. Send it again.",
                number=part.number,
            )
        if sent is not None and _bare(sent[part.number]) != _bare(part.e_tag):
            raise UploadPartMismatch(
                f"The bucket has another part {part.number} than was sent: its ETag "
                f"is {part.e_tag}. Send it again.",
                number=part.number,
            )


def _bare(e_tag: str) -> str:
    return e_tag.strip().removeprefix("W/").strip('"')


def _ended(upload: ResumableUpload) -> UploadNotFound:
    return UploadNotFound(
        f"The bucket has ended the upload {upload.id} and dropped its parts, by a rule "
        "of its own or by hand. Begin a new one."
    )
