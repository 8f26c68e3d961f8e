"""What can go wrong in the service, one tree.

    TouchlineError
    ├── RequestProblem        the caller can mend it: becomes problem+json
    │   ├── BadRequest 400 · BodyTooLarge 413 · RequestTimeout 408
    │   ├── HeadersTooLarge 431
    │   ├── InvalidRequest 422 · EmptyUpload 422 · UnsupportedBody 415
    │   ├── UploadBroken 400 · VideoTooLarge 413 · StorageFull 507
    │   ├── RangeNotSatisfiable 416
    │   ├── TooManyConnections 503
    │   ├── CallbackRefused · UnknownModel · UnknownType · InvalidCursor 422
    │   ├── IdempotencyKeyReused 422 · IdempotencyKeyInUse 409
    │   ├── NotAuthenticated 401 · CrossSiteRefused 403 · HostRefused 403
    │   ├── ScopeMissing 403 · TooManyRequests 429 · MethodNotAllowed 405
    │   ├── NotFound 404 (VideoNotFound, JobNotFound, EventNotFound, ModelNotFound)
    │   ├── FramesUnknown 409 · VideoNotStored 409 (FileDropped, FileChanged)
    │   ├── JobIsFinished 409
    │   ├── NotReady 503 · InternalError 500
    │   └── a feature's own: app/FEATURE/problems.py
    ├── JobFailure            a job fails with it: becomes job.error
    │   └── SourceMissing · SourceChanged
    └── StartFailed           a process cannot start; one line tells the operator why
        └── DatabaseLost

A class carries its fixed facts, an instance its particulars. `ValueError` and
`assert` are for our own mistakes.
"""

from typing import ClassVar


class TouchlineError(Exception):
    """Root of the service's errors."""


class StartFailed(TouchlineError):
    """A process cannot start; the message is one line that says what to do."""


class DatabaseLost(StartFailed):
    """The database went away while a process started; it may come back by itself."""


class RequestProblem(TouchlineError):
    """A problem the caller can mend; answered as application/problem+json.

    Raise one of its kinds, each of which has a status, a slug and a title of its own.
    """

    status: ClassVar[int]
    slug: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class BadRequest(RequestProblem):
    """The request is not HTTP, or its body not JSON in UTF-8, or nested too deeply."""

    status, slug, title = 400, "bad-request", "Bad request"


class BodyTooLarge(RequestProblem):
    """The body is larger than such a request ever is; nothing of it was read."""

    status, slug, title = 413, "body-too-large", "Body too large"


class RequestTimeout(RequestProblem):
    """The request did not arrive in time; send it again."""

    status, slug, title = 408, "request-timeout", "Request timeout"


class HeadersTooLarge(RequestProblem):
    """The address and the headers are larger than the service takes."""

    status, slug, title = 431, "headers-too-large", "Headers too large"


class InvalidRequest(RequestProblem):
    """A field, parameter or header does not hold what it must.

    The member `kind` is `rule` where each value is right by itself: they do not go
    together, or not with what is there.
    """

    status, slug, title = 422, "invalid-request", "Invalid request"


RULE = "rule"  # `kind` of such a problem


class EmptyUpload(RequestProblem):
    """The file part is missing or holds no bytes."""

    status, slug, title = 422, "empty-upload", "Empty upload"


class UnsupportedBody(RequestProblem):
    """The body is not of a media type that this address takes."""

    status, slug, title = 415, "unsupported-body", "Unsupported body"


class UploadBroken(RequestProblem):
    """The upload was cut off, stalled or was too slow; nothing of it is kept."""

    status, slug, title = 400, "upload-broken", "Upload broken off"


class VideoTooLarge(RequestProblem):
    """The upload passed the size limit; nothing of it is kept."""

    status, slug, title = 413, "video-too-large", "Video too large"


class RangeNotSatisfiable(RequestProblem):
    """The header Range is malformed, or asks for bytes the file does not have."""

    status, slug, title = 416, "range-not-satisfiable", "Range not satisfiable"


class StorageFull(RequestProblem):
    """The disk has no room for the upload, or too many uploads are unfinished."""

    status, slug, title = 507, "storage-full", "Storage full"


class CallbackRefused(RequestProblem):
    """The callback URL is one the service must not call."""

    status, slug, title = 422, "callback-refused", "Callback refused"


class UnknownModel(RequestProblem):
    """No checkpoint of that name is installed."""

    status, slug, title = 422, "unknown-model", "Unknown model"


class UnknownType(RequestProblem):
    """The timeline knows no such type of event; the detail names those it knows."""

    status, slug, title = 422, "unknown-type", "Unknown event type"


class InvalidCursor(RequestProblem):
    """The cursor was not made by this list."""

    status, slug, title = 422, "invalid-cursor", "Invalid cursor"


class IdempotencyKeyReused(RequestProblem):
    """The Idempotency-Key belongs to another request; new requests need new keys."""

    status, slug, title = 422, "idempotency-key-reused", "Idempotency-Key reused"


class IdempotencyKeyInUse(RequestProblem):
    """The request with this Idempotency-Key is still under way."""

    status, slug, title = 409, "idempotency-key-in-use", "Idempotency-Key in use"


class NotAuthenticated(RequestProblem):
    """The API key is missing or wrong."""

    status, slug, title = 401, "not-authenticated", "Not authenticated"


class ScopeMissing(RequestProblem):
    """The key may not do this; the member `scope` says what it lacks."""

    status, slug, title = 403, "scope-missing", "Scope missing"


class TooManyRequests(RequestProblem):
    """The key has used up its requests of this minute; `Retry-After` says how long."""

    status, slug, title = 429, "too-many-requests", "Too many requests"


class CrossSiteRefused(RequestProblem):
    """A page of another site, or another port, sent this, and no key is set."""

    status, slug, title = 403, "cross-site-refused", "Cross-site request refused"


class HostRefused(RequestProblem):
    """The request names a host that is not this machine, and no key is set."""

    status, slug, title = 403, "host-refused", "Host refused"


class MethodNotAllowed(RequestProblem):
    """The address exists, but not for this method; see the header Allow."""

    status, slug, title = 405, "method-not-allowed", "Method not allowed"


class NotFound(RequestProblem):
    """Nothing has that address."""

    status, slug, title = 404, "not-found", "Not found"


class VideoNotFound(NotFound):
    """No video has that id."""

    slug, title = "video-not-found", "Video not found"


class JobNotFound(NotFound):
    """No job has that id."""

    slug, title = "job-not-found", "Job not found"


class EventNotFound(NotFound):
    """The video's timeline has no event of that id."""

    slug, title = "event-not-found", "Event not found"


class FramesUnknown(RequestProblem):
    """No job has looked at the video yet, so its frames are not known."""

    status, slug, title = 409, "frames-unknown", "Frames not known yet"


class ModelNotFound(NotFound):
    """No checkpoint of that name is installed, or it cannot be read."""

    slug, title = "model-not-found", "Model not found"


class VideoNotStored(RequestProblem):
    """The video's file is still on its way, or did not arrive; see its job."""

    status, slug, title = 409, "video-not-stored", "Video not stored yet"


class FileDropped(VideoNotStored):
    """The video's file is gone by the project's rules of retention; events stay."""

    slug, title = "file-dropped", "Video file removed"


class FileChanged(VideoNotStored):
    """The video's file in the bucket is not the one it was."""

    slug, title = "file-changed", "Video file changed"


class JobIsFinished(RequestProblem):
    """The job has ended; a finished job does not change."""

    status, slug, title = 409, "job-is-finished", "Job is finished"


class NotReady(RequestProblem):
    """A part the service needs does not answer."""

    status, slug, title = 503, "not-ready", "Not ready"


class TooManyConnections(RequestProblem):
    """Every connection the service allows is busy; try again in a moment."""

    status, slug, title = 503, "too-many-connections", "Too many connections"


class InternalError(RequestProblem):
    """A bug of ours, or a broken machine; the server's log tells all."""

    status, slug, title = 500, "internal-error", "Internal error"


class JobFailure(TouchlineError):
    """A job ends with this; `code` is stable, the message is for the user."""

    code: ClassVar[str] = "job_failed"
    retryable: ClassVar[bool] = False


class SourceMissing(JobFailure):
    """The uploaded file is not in the storage any more: the server's problem."""

    code = "source_missing"


class SourceChanged(JobFailure):
    """The video's file in the bucket is not the one it was."""

    code = "source_changed"
