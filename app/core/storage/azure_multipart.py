"""Uploads in parts into a container of Azure's, whose parts are blocks of a blob.

The blocks go to a blob of their own beside the object, since whoever may send one may
write all of that blob, also after the upload is completed. Completing commits the
blocks, looks at what they came to, and has Azure copy that very version to the object:
no address was ever signed for it.
"""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from app.core.storage.addresses import BucketAddress
from app.core.storage.azure_account import AzureAccount, azure_errors
from app.core.storage.interface import ObjectChanged, StorageUnavailable
from app.core.storage.multipart import BucketPart

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

BLOCKS_PATH = re.compile(r"(.+)\.([0-9a-f]{32})")
COPY_WAIT_S = 600.0  # within one account a copy mostly is there at once
LOOK_EVERY_S = 1.0
PENDING = "pending"


def blocks_path(path: str, upload_id: str) -> str:
    """Name the blob that takes the blocks of an upload."""
    return f"{path}.{upload_id}"


def block_id(upload_id: str, number: int) -> str:
    """Name the block of a part; all names of one upload are of one length."""
    return f"{upload_id}-{number:05}"


class AzureMultipart:
    """A `MultipartUploads`; of Azure nothing can be asked of an upload without parts.

    Azure itself drops blocks to which none was added for a week.
    """

    def __init__(self, address: BucketAddress, account: AzureAccount) -> None:
        self._address = address
        self._container = account.container(address.bucket)

    def create(self, path: str) -> str:  # noqa: ARG002  # Azure is not asked
        return uuid4().hex

    def e_tag_of(self, upload_id: str, number: int) -> str | None:
        return block_id(upload_id, number)

    def parts(self, path: str, upload_id: str) -> list[BucketPart]:
        """List the parts; none also where the upload was ended, or Azure dropped it."""
        try:
            with self._errors(path):
                blob = self._blocks(path, upload_id)
                committed, waiting = blob.get_block_list("all")
        except FileNotFoundError:
            return []
        sizes = {one.id: one.size for one in (*committed, *waiting)}  # the last counts
        found = []
        for name, size_bytes in sizes.items():
            number = _number_of(upload_id, name)
            if number is not None:
                found.append(BucketPart(number, size_bytes, name))
        return sorted(found, key=lambda part: part.number)

    def complete(self, path: str, upload_id: str, parts: Sequence[BucketPart]) -> None:
        """Commit exactly these blocks, and copy what they came to.

        Raises:
            ObjectChanged: a block is gone, or what was committed has another size.
        """
        from azure.core import MatchConditions
        from azure.storage.blob import BlobBlock

        blocks, target = self._blocks(path, upload_id), self._blob(path)
        size_bytes = sum(part.size_bytes for part in parts)
        with self._errors(path):
            if _copy_status(target) == PENDING:  # of a request that was broken off
                self._await_copy(target)
            told = blocks.commit_block_list([BlobBlock(one.e_tag) for one in parts])
            found = blocks.get_blob_properties()
            if found.etag != told["etag"] or found.size != size_bytes:
                raise ObjectChanged(path)
            target.start_copy_from_url(
                blocks.url,
                source_etag=found.etag,
                source_match_condition=MatchConditions.IfNotModified,
            )
            self._await_copy(target)
        with suppress(OSError):  # It goes with the upload's folder.
            self.abort(path, upload_id)

    def abort(self, path: str, upload_id: str) -> None:
        """Drop the blocks, and whatever else an address let its holder make there."""
        from azure.storage.blob import BlobLeaseClient

        blob = self._blocks(path, upload_id)
        with suppress(FileNotFoundError):
            try:
                self._delete(blob)
            except ObjectChanged:  # Somebody has a lease of it.
                with self._errors(path):
                    BlobLeaseClient(blob).break_lease(lease_break_period=0)
                self._delete(blob)

    def unfinished(
        self, under: str, *, older_than: timedelta
    ) -> Iterator[tuple[str, str]]:
        before, prefix = datetime.now(UTC) - older_than, self._name(under) + "/"
        with self._errors(under):
            for blob in self._container.list_blobs(
                name_starts_with=prefix, include=["uncommittedblobs"]
            ):
                found = BLOCKS_PATH.fullmatch(self._path(blob.name))
                since = blob.last_modified  # what has no time is not old
                is_old = not older_than or (since is not None and since <= before)
                if found is not None and is_old:
                    yield found[1], found[2]

    def _delete(self, blob: "BlobClient") -> None:
        try:
            with self._errors(blob.blob_name):
                blob.delete_blob(delete_snapshots="include")
        except FileNotFoundError:
            with self._errors(blob.blob_name):
                blob.commit_block_list([])  # Blocks alone cannot be deleted.
                blob.delete_blob()

    def _await_copy(self, target: "BlobClient") -> None:
        deadline = time.monotonic() + COPY_WAIT_S
        while (status := _copy_status(target)) == PENDING:
            if time.monotonic() > deadline:
                raise StorageUnavailable(
                    f"{self._address.url} still copies the upload; complete it later"
                )
            time.sleep(LOOK_EVERY_S)
        if status != "success":
            raise StorageUnavailable(
                f"{self._address.url} did not copy the upload ({status})"
            )

    def _blocks(self, path: str, upload_id: str) -> "BlobClient":
        return self._blob(blocks_path(path, upload_id))

    def _blob(self, path: str) -> "BlobClient":
        return self._container.get_blob_client(self._name(path))

    def _name(self, path: str) -> str:
        return f"{self._address.path}/{path}" if self._address.path else path

    def _path(self, name: str) -> str:
        folder = self._address.path
        return name.removeprefix(f"{folder}/") if folder else name

    def _errors(self, path: str) -> AbstractContextManager[None]:
        return azure_errors(path, self._address.url)


def _number_of(upload_id: str, name: str) -> int | None:
    """Tell which part a block is; None: it is no part of the upload."""
    start, _, digits = name.rpartition("-")
    is_ours = start == upload_id and digits.isascii() and digits.isdecimal()
    return int(digits) if is_ours and len(digits) == 5 else None


def _copy_status(target: "BlobClient") -> str | None:
    """Tell how a copy stands that was the last to write a blob; None: there is none."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        status = target.get_blob_properties().copy.status
    except ResourceNotFoundError:
        return None
    return None if status is None else str(status)
