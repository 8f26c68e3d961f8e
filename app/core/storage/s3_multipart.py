"""Multipart uploads of S3, which obstore keeps to itself; Google speaks them as well.

Objects are made of others without a copy by way of this machine, and uploads that
nobody finished are found and ended.
"""

import errno
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from app.core.storage.addresses import BucketAddress
from app.core.storage.bucket_clients import S3Access
from app.core.storage.bucket_objects import BucketObject
from app.core.storage.interface import ObjectChanged, StorageRefused, StorageUnavailable
from app.core.storage.multipart import BucketPart
from app.core.storage.object_errors import EXPIRED

COPY_BYTES = 512 * 2**20  # copied by one request
LEAST_PART_BYTES = 5 * 2**20  # of S3's parts, but for the last
COPIES_AT_ONCE = 4
MISSING = ("NoSuchKey", "NoSuchUpload", "404")


_Piece = tuple[BucketObject, int, int]  # where it starts and ends, the end not included


class S3Multipart:
    """Multipart uploads into one bucket; a `MultipartUploads`."""

    def __init__(self, address: BucketAddress, access: S3Access) -> None:
        self._address, self._access = address, access

    def create(self, path: str) -> str:
        """Begin an upload; gives its id."""
        with self._errors(path):
            return str(self._call("create_multipart_upload", path)["UploadId"])

    def e_tag_of(self, upload_id: str, number: int) -> str | None:  # noqa: ARG002  # S3 tells
        """Tell none: the bucket answers with it, as it is made of the bytes."""
        return None

    def parts(self, path: str, upload_id: str) -> list[BucketPart]:
        """List the parts that have come of an upload, by their number.

        Raises:
            FileNotFoundError: it was completed or ended.
        """
        found: list[BucketPart] = []
        marker = 0
        while True:
            with self._errors(path):
                page = self._call(
                    "list_parts", path, UploadId=upload_id, PartNumberMarker=marker
                )
            found += [
                BucketPart(one["PartNumber"], one["Size"], one["ETag"])
                for one in page.get("Parts", ())
            ]
            if not page.get("IsTruncated"):
                return found
            marker = int(page["NextPartNumberMarker"])

    def complete(self, path: str, upload_id: str, parts: Sequence[BucketPart]) -> None:
        """Make the object of its parts.

        Raises:
            ObjectChanged: a part is another one by now.
            FileNotFoundError: the upload was completed or ended.
        """
        listed = [{"PartNumber": one.number, "ETag": one.e_tag} for one in parts]
        with self._errors(path):
            self._call(
                "complete_multipart_upload",
                path,
                UploadId=upload_id,
                MultipartUpload={"Parts": listed},
            )

    def abort(self, path: str, upload_id: str) -> None:
        """Forget an upload and its parts; what is gone already is fine."""
        with suppress(FileNotFoundError), self._errors(path):
            self._call("abort_multipart_upload", path, UploadId=upload_id)

    def compose(self, segments: Sequence[BucketObject], to: str) -> None:
        """Make an object of others, in their order; the bucket copies them itself.

        Args:
            segments: each but the last of `LEAST_PART_BYTES` or more.

        Raises:
            FileNotFoundError: one of them is not there.
            ObjectChanged: one of them is another one by now.
        """
        pieces = list(_pieces(segments))
        upload_id = self.create(to)
        try:
            with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
                copy = [
                    pool.submit(self._copy_part, to, upload_id, number, piece)
                    for number, piece in enumerate(pieces, start=1)
                ]
                copied = [one.result() for one in copy]
            self.complete(to, upload_id, copied)
        except BaseException:
            with suppress(OSError):
                self.abort(to, upload_id)
            raise

    def unfinished(
        self, under: str, *, older_than: timedelta
    ) -> Iterator[tuple[str, str]]:
        """List uploads that nobody finished: paths and ids.

        Args:
            under: a prefix of their paths.
            older_than: by the bucket's own clock.
        """
        prefix = self._key(under) + "/"
        markers: dict[str, str] = {}
        while True:
            with self._errors(under):
                page = self._access.client().list_multipart_uploads(
                    Bucket=self._address.bucket, Prefix=prefix, **markers
                )
            now = _time_of(page)
            for one in page.get("Uploads", ()):
                if now - one["Initiated"] >= older_than:
                    yield self._path(one["Key"]), one["UploadId"]
            if not page.get("IsTruncated"):
                return
            markers = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page["NextUploadIdMarker"],
            }

    def _copy_part(
        self, to: str, upload_id: str, number: int, piece: "_Piece"
    ) -> BucketPart:
        source, start, end = piece
        asked: dict[str, Any] = {
            "UploadId": upload_id,
            "PartNumber": number,
            "CopySource": {
                "Bucket": self._address.bucket,
                "Key": self._key(source.path),
            },
        }
        if source.e_tag is not None:
            asked["CopySourceIfMatch"] = source.e_tag
        if (start, end) != (0, source.size_bytes):
            asked["CopySourceRange"] = f"bytes={start}-{end - 1}"
        with self._errors(source.path):
            answer = self._call("upload_part_copy", to, **asked)
        return BucketPart(number, end - start, answer["CopyPartResult"]["ETag"])

    def _call(self, name: str, path: str, **asked: Any) -> Any:
        method = getattr(self._access.client(), name)
        return method(Bucket=self._address.bucket, Key=self._key(path), **asked)

    def _key(self, path: str) -> str:
        return f"{self._address.path}/{path}" if self._address.path else path

    def _path(self, key: str) -> str:
        return key.removeprefix(f"{self._address.path}/") if self._address.path else key

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        where = self._address.url
        try:
            yield
        except ClientError as exc:
            code = str(exc.response.get("Error", {}).get("Code"))
            status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if code in MISSING:
                raise FileNotFoundError(errno.ENOENT, "no such object", key) from exc
            if status == 412 or code == "InvalidPart":
                raise ObjectChanged(key) from exc
            if status in (401, 403) or code in EXPIRED:
                raise StorageRefused(f"{where} refuses ({code})") from exc
            raise StorageUnavailable(f"{where} answers: {exc}") from exc
        except BotoCoreError as exc:
            raise StorageUnavailable(f"{where} does not answer: {exc}") from exc


def _pieces(segments: Sequence[BucketObject]) -> Iterator[_Piece]:
    """Cut segments into what one request may copy; no piece but the last is small."""
    for segment in segments:
        start = 0
        while segment.size_bytes - start > COPY_BYTES + LEAST_PART_BYTES:
            yield segment, start, start + COPY_BYTES
            start += COPY_BYTES
        if start < segment.size_bytes:
            yield segment, start, segment.size_bytes


def _time_of(answer: Any) -> datetime:
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(told) if told else datetime.now(UTC)
