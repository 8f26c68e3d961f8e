"""What can go wrong with an upload that may be resumed."""

from uuid import UUID

from app.core.errors import NotFound, RequestProblem


class UnsupportedTusVersion(RequestProblem):
    """The header Tus-Resumable is missing, or names no version this service speaks."""

    status, slug, title = 412, "unsupported-tus-version", "Unsupported tus version"


class OffsetMismatch(RequestProblem):
    """The upload is at another place than Upload-Offset says; HEAD tells where."""

    status, slug, title = 409, "offset-mismatch", "Offset mismatch"


class UploadInterrupted(RequestProblem):
    """The bytes stopped coming; those that came are kept, and HEAD tells how many."""

    status, slug, title = 409, "upload-interrupted", "Upload interrupted"


class UploadTooLong(RequestProblem):
    """More bytes came than Upload-Length announced; none of this request is kept."""

    status, slug, title = 413, "upload-too-long", "Upload too long"


class UploadLocked(RequestProblem):
    """Another request sends bytes of this upload now; try again when it has ended."""

    status, slug, title = 423, "upload-locked", "Upload locked"


class ChecksumMismatch(RequestProblem):
    """What came is not what Upload-Checksum tells; send this request's bytes again."""

    status, slug, title = 460, "checksum-mismatch", "Checksum mismatch"


class PresignedUploadsOff(RequestProblem):
    """Clients may not send files to the bucket here; send them to the API, by tus."""

    status, slug, title = 409, "presigned-uploads-off", "Presigned uploads are off"


class UploadPartsMissing(RequestProblem):
    """The bucket lacks parts of the upload, which `missing` names; send them."""

    status, slug, title = 409, "upload-parts-missing", "Parts of the upload missing"


class UploadPartMismatch(RequestProblem):
    """The bucket has another part than was said, or one of another size."""

    status, slug, title = 409, "upload-part-mismatch", "Part of the upload differs"


class UploadIsDone(RequestProblem):
    """The upload has become a video; no part of it can be sent any more."""

    status, slug, title = 409, "upload-is-done", "Upload is done"


class UploadNotFound(NotFound):
    """No upload has that id: it was deleted, has expired, or its video is gone."""

    slug, title = "upload-not-found", "Upload not found"


def upload_not_found(upload_id: UUID) -> UploadNotFound:
    """Say that an upload is not there."""
    return UploadNotFound(
        f"No upload has the id {upload_id}: it was deleted, has expired, or its video "
        "was deleted. Begin a new one."
    )
