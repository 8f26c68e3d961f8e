"""Uploads in parts, as every cloud has them: parts come, and become one object."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from app.core.logging import warn_once

MOST_PARTS = 10_000  # S3's and Google's; Azure takes 50,000


@dataclass(frozen=True, slots=True)
class BucketPart:
    """A part that the bucket has of an upload; numbers from 1.

    Attributes:
        e_tag: of S3 and Google, with its quotes: of these bytes. Azure has none of
            parts: there it is the id of the block, whatever its bytes are.
    """

    number: int
    size_bytes: int
    e_tag: str


class MultipartUploads(Protocol):
    """Uploads in parts into one bucket; paths are below the folder of its address.

    Every call raises StorageUnavailable or StorageRefused, as a storage does.
    """

    def create(self, path: str) -> str:
        """Begin an upload; gives its id."""

    def e_tag_of(self, upload_id: str, number: int) -> str | None:
        """Tell the ETag that a part will have; None: the bucket answers with it."""

    def parts(self, path: str, upload_id: str) -> list[BucketPart]:
        """List the parts that have come of an upload, by their number.

        Raises:
            FileNotFoundError: the upload was completed or ended, and the cloud knows.
        """

    def complete(self, path: str, upload_id: str, parts: Sequence[BucketPart]) -> None:
        """Make the object of its parts.

        Raises:
            ObjectChanged: a part is another one by now.
            FileNotFoundError: the upload was completed or ended, and the cloud knows.
        """

    def abort(self, path: str, upload_id: str) -> None:
        """Forget an upload and its parts; what is gone already is fine."""

    def unfinished(
        self, under: str, *, older_than: timedelta
    ) -> Iterator[tuple[str, str]]:
        """List uploads that nobody finished: paths and ids.

        Args:
            under: a prefix of their paths.
            older_than: by the bucket's own clock.
        """


def abort_under(
    uploads: MultipartUploads, prefix: str, *, older_than: timedelta
) -> int:
    """Forget all uploads under a prefix that were begun so long ago; tells how many."""
    found = 0
    try:
        for path, upload_id in uploads.unfinished(prefix, older_than=older_than):
            uploads.abort(path, upload_id)
            found += 1
    except PermissionError as exc:  # Listing them is a permission of its own.
        warn_once("unfinished_uploads_not_listed", reason=str(exc.strerror))
    return found
