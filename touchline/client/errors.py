"""What can go wrong when a service is called.

ClientError
├── NotReachable          no answer came, in spite of every retry
├── BadAnswer             an answer that is not Touchline's
├── WaitTimeout           the time that was allowed is over
├── UploadStopped         an upload ended before its last byte; it can be resumed
├── FileChanged           a file changed while it was being uploaded
├── LivePushRefused       a live stream takes nothing from us
├── JobFailed             an analysis or a rendering failed or was canceled
├── BadSignature          a webhook message is not from the service, or is old
└── ApiProblem            the service answered with a problem document
    ├── InvalidRequest 400, 408, 413, 415, 422, 431
    ├── NotAuthenticated 401 · NotAllowed 403 · NotFound 404 · Conflict 409, 423
    ├── ChangedMeanwhile 412, 428
    ├── TooManyRequests 429
    └── ServiceProblem 5xx
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from touchline.client.records import Job


class ClientError(Exception):
    """Root of what the client raises, besides `ValueError` and errors of files."""


class NotReachable(ClientError):
    """No answer came: the service is away, or the network is."""


class BadAnswer(ClientError):
    """The answer is not one of this service; the message says what is wrong."""


class WaitTimeout(ClientError, TimeoutError):
    """The time that was allowed is over; what was waited for goes on."""


class UploadStopped(ClientError):
    """An upload ended early; `Client.upload(path, resume=error.upload)` goes on.

    Attributes:
        upload: the address of the upload, as `resume` takes it.
        offset_bytes: how much of the file is safe at the service, as far as is known.
    """

    def __init__(self, message: str, *, upload: str, offset_bytes: int) -> None:
        super().__init__(message)
        self.upload = upload
        self.offset_bytes = offset_bytes


class LivePushRefused(ClientError):
    """A live stream takes nothing from us; the message says why."""


class FileChanged(ClientError):
    """A file changed while it was being uploaded; nothing was made of it."""


class JobFailed(ClientError):
    """A job failed or was canceled.

    Attributes:
        job: the job; `job.error` has `code` and `detail`, if it failed.
    """

    def __init__(self, message: str, job: "Job") -> None:
        super().__init__(message)
        self.job = job


class BadSignature(ClientError):
    """A message is not signed with this secret, or was sent too long ago."""


class ApiProblem(ClientError):
    """The service refused a request; its problem document, RFC 9457.

    Attributes:
        status: of HTTP.
        code: what is wrong, for programs: `video-not-found`; stays the same for good.
        title: the same for people.
        detail: this case of it, for people.
        document: all members, those of this kind of problem too.
        request_id: names the request in the service's log.
        retry_after_s: when to try again, if the service says so.
    """

    def __init__(
        self,
        *,
        status: int,
        document: Mapping[str, Any],
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.status = status
        self.code = str(document.get("type", "")).rpartition("/")[2]
        self.title = str(document.get("title", ""))
        self.detail = str(document.get("detail", ""))
        self.document = dict(document)
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        super().__init__(f"{status} {self.code}: {self.detail}")


class InvalidRequest(ApiProblem):
    """What was sent cannot be used; `document["errors"]` may name the fields."""


class NotAuthenticated(ApiProblem):
    """A key is asked for, or this one is wrong, revoked or expired."""


class NotAllowed(ApiProblem):
    """The key does not cover this."""


class NotFound(ApiProblem):
    """There is no such thing in the key's project."""


class Conflict(ApiProblem):
    """It does not fit the state that things are in: no timeline yet, for one."""


class ChangedMeanwhile(ApiProblem):
    """Somebody else changed it; `document["current"]` is the event as it is now."""


class TooManyRequests(ApiProblem):
    """The key's limit of requests is used up, after all retries."""


class ServiceProblem(ApiProblem):
    """The service is not ready, has no room, or has a fault."""


_OF_STATUS: Mapping[int, type[ApiProblem]] = {
    **dict.fromkeys((400, 408, 413, 415, 422, 431), InvalidRequest),
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    **dict.fromkeys((409, 423), Conflict),
    **dict.fromkeys((412, 428), ChangedMeanwhile),
    429: TooManyRequests,
}


def problem_kind(status: int) -> type[ApiProblem]:
    """Choose the class of a problem by its status."""
    return _OF_STATUS.get(status, ServiceProblem if status >= 500 else ApiProblem)
