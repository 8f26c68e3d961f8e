"""A file goes up by tus 1.0.0: what came is kept, and a broken connection is resumed.

Source: https://tus.io/protocols/resumable-upload, version 1.0.0.
"""

import base64
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from model.video.file_names import shown_name
from touchline.client.errors import (
    ApiProblem,
    BadAnswer,
    ClientError,
    FileChanged,
    NotFound,
    UploadStopped,
)
from touchline.client.transport import Backoff, Transport, is_transient, retry_after_of

PIECE_BYTES = 256 * 1024
# The service may have to read a whole file once more before it answers the last byte.
WHOLE_S = 600.0
TUS = {"tus-resumable": "1.0.0"}
# Another request of ours still holds the upload, or the offset was counted otherwise.
OURS = ("upload-locked", "offset-mismatch", "upload-interrupted")


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """How far an upload is.

    Attributes:
        sent_bytes: that were sent; a break may take some of them back.
        size_bytes: of the file.
        upload: its address, by which `Client.upload(path, resume=...)` goes on.
    """

    sent_bytes: int
    size_bytes: int
    upload: str

    @property
    def done(self) -> float:
        """Tell the part that was sent, 0 to 1."""
        return self.sent_bytes / self.size_bytes


OnUpload = Callable[[UploadProgress], object]


def upload_file(
    http: Transport,
    path: Path,
    fields: Mapping[str, object],
    *,
    resume: str | None,
    on_progress: OnUpload | None,
) -> str:
    """Send a file; gives the id of the video that it became.

    Args:
        fields: what the service is to know of it: `title`, `model`, ...
        resume: the address of an upload of this very file that was begun before; one
            that the service has forgotten is begun anew.

    Raises:
        ValueError: the file is empty.
        UploadStopped: the service was away for too long; it can be resumed.
        FileChanged: the file changed meanwhile.
        ApiProblem: the service refused it.
    """
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        if size_bytes == 0:
            raise ValueError(f"{path} is empty")
        address = resume if resume and _is_known(http, resume, size_bytes) else None
        if address is None:
            address = _begin(http, size_bytes, {"filename": shown_name(path), **fields})
        stamp = _stamp(file)
        upload = _Upload(http, path, file, size_bytes, address, stamp, on_progress)
        return upload.send()


@dataclass(slots=True)
class _Upload:
    http: Transport
    path: Path
    file: BinaryIO
    size_bytes: int
    address: str
    stamp: tuple[int, int]  # size and time of the file at the start
    on_progress: OnUpload | None
    kept_bytes: int = 0  # that the service is known to have
    sent_bytes: int = 0  # that were sent at all, as far as the file's end

    def send(self) -> str:
        """Send what is missing, again and again if need be."""
        backoff = Backoff(self.http.limits.retry_s)
        while True:
            try:
                video_id = self._go_on()
            except NotFound:
                raise
            except ClientError as problem:
                if not (_is_passing(problem) and self._may_retry(backoff, problem)):
                    raise self._stopped(problem) from problem
            else:
                if video_id is not None:
                    return video_id
                backoff.renew()

    def _go_on(self) -> str | None:
        """Ask how far it is and send the rest; gives the video once it is whole."""
        kept, video_id = self._look()
        self.kept_bytes = kept
        self._tell(kept)
        if video_id is not None:
            return video_id
        self.file.seek(kept)
        headers = {
            **TUS,
            "content-type": "application/offset+octet-stream",
            "content-length": str(self.size_bytes - kept),
            "upload-offset": str(kept),
        }
        answer = self.http.once(
            *("PATCH", self.address),
            content=self._pieces(kept),
            headers=headers,
            answer_s=WHOLE_S,
        )
        self.kept_bytes = self.size_bytes
        return _video_in(answer.headers)

    def _look(self) -> tuple[int, str | None]:
        """Ask how many bytes are safe, and which video it became."""
        answer_s = WHOLE_S if self.sent_bytes == self.size_bytes else None
        answer = self.http.once("HEAD", self.address, headers=TUS, answer_s=answer_s)
        offset = answer.headers.get("upload-offset", "")
        if not offset.isdecimal():
            raise BadAnswer("the answer does not say how far it is (Upload-Offset)")
        return int(offset), _video_in(answer.headers)

    def _pieces(self, sent: int) -> Iterator[bytes]:
        while sent < self.size_bytes:
            piece = self.file.read(min(PIECE_BYTES, self.size_bytes - sent))
            if not piece or _stamp(self.file) != self.stamp:
                raise FileChanged(f"{self.path} changed while it was being uploaded")
            yield piece
            sent += len(piece)
            self.sent_bytes = max(sent, self.sent_bytes)
            self._tell(sent)

    def _tell(self, sent: int) -> None:
        if self.on_progress is not None:
            self.on_progress(UploadProgress(sent, self.size_bytes, self.address))

    def _may_retry(self, backoff: Backoff, problem: ClientError) -> bool:
        """Wait a while; a try that brought the upload further costs no time."""
        try:
            kept, _ = self._look()
        except ClientError:
            kept = self.kept_bytes
        if kept > self.kept_bytes:
            self.kept_bytes = kept
            backoff.renew()
        return backoff.pause(retry_after_of(problem))

    def _stopped(self, problem: ClientError) -> ClientError:
        if isinstance(problem, FileChanged):
            with suppress(ClientError):  # What came of it expires by itself.
                self.http.once("DELETE", self.address, headers=TUS)
        if isinstance(problem, FileChanged | BadAnswer):
            return problem
        if isinstance(problem, ApiProblem) and not _is_passing(problem):
            return problem
        return UploadStopped(
            f"{self.path} was uploaded as far as byte {self.kept_bytes} of "
            f"{self.size_bytes}: {problem}",
            upload=self.address,
            offset_bytes=self.kept_bytes,
        )


def _begin(http: Transport, size_bytes: int, fields: Mapping[str, object]) -> str:
    said = ",".join(
        f"{name} {base64.b64encode(str(value).encode()).decode()}"
        for name, value in fields.items()
        if value is not None
    )
    headers = {**TUS, "upload-length": str(size_bytes), "upload-metadata": said}
    answer = http.send("POST", "/uploads", headers=headers)
    name = answer.headers.get("location", "").rpartition("/")[2]
    if not name:
        raise BadAnswer("the answer does not say where the upload is (Location)")
    return f"/uploads/{name}"


def _is_known(http: Transport, address: str, size_bytes: int) -> bool:
    """Whether the service still has an upload, and of a file of this size."""
    try:
        answer = http.send("HEAD", address, headers=TUS)
    except NotFound:
        return False
    return bool(answer.headers.get("upload-length") == str(size_bytes))


def _video_in(headers: Mapping[str, str]) -> str | None:
    return headers.get("touchline-video", "").rpartition("/")[2] or None


def _is_passing(problem: ClientError) -> bool:
    is_ours = isinstance(problem, ApiProblem) and problem.code in OURS
    return is_ours or is_transient(problem)


def _stamp(file: BinaryIO) -> tuple[int, int]:
    facts = os.fstat(file.fileno())
    return facts.st_size, facts.st_mtime_ns
