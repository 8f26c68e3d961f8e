"""Objects that clients send to the bucket themselves, part by part.

The service begins such an upload, signs the addresses of its parts, sees which of them
have come, and has the bucket make the object of them.
"""

from dataclasses import dataclass

from app.core.storage.addresses import BucketAddress
from app.core.storage.azure_account import find_azure_account
from app.core.storage.azure_multipart import AzureMultipart
from app.core.storage.multipart import MOST_PARTS, MultipartUploads
from app.core.storage.object_upload import PART_BYTES
from app.core.storage.presigning import (
    Presigner,
    make_presigner,
    s3_access,
    signing_address,
)
from app.core.storage.s3_multipart import S3Multipart
from app.core.storage.settings import StorageSettings

MIB = 2**20
ATTEMPTS = 4  # a client waits for the answer, and asks again by itself


@dataclass(frozen=True, slots=True)
class PartUploads:
    """Multipart uploads of one bucket, and what signs addresses in it."""

    multipart: MultipartUploads
    presigner: Presigner


def open_part_uploads(settings: StorageSettings) -> PartUploads | None:
    """Make what clients' own uploads to the bucket take, if the operator wants them.

    Raises:
        StartFailed: there is no bucket, or no key that can sign.
    """
    if not settings.presigned_uploads:
        return None
    address = signing_address(settings)
    if address.scheme == "az":
        return PartUploads(_on_azure(address), make_presigner(settings))
    access = s3_access(address, settings, attempts=ATTEMPTS)
    presigner = make_presigner(settings, access=access)
    return PartUploads(S3Multipart(address, access), presigner)


def open_multipart(settings: StorageSettings) -> MultipartUploads | None:
    """Make what ends clients' own uploads, if the operator wants them.

    None on S3, too: its storage ends them by itself, whatever the operator wants.

    Raises:
        StartFailed: there is no bucket, or no key for its uploads.
    """
    if not settings.presigned_uploads:
        return None
    address = signing_address(settings)
    if address.scheme == "s3":
        return None
    if address.scheme == "az":
        return _on_azure(address)
    return S3Multipart(address, s3_access(address, settings))


def _on_azure(address: BucketAddress) -> AzureMultipart:
    return AzureMultipart(address, find_azure_account(address))


def part_size(size_bytes: int) -> int:
    """Tell how large each part but the last is: as small as the number allows."""
    least = -(-size_bytes // MOST_PARTS)
    return max(PART_BYTES, -(-least // MIB) * MIB)


@dataclass(frozen=True, slots=True)
class PartPlan:
    """How a file is cut into parts, numbered from 1."""

    size_bytes: int
    part_bytes: int

    @property
    def count(self) -> int:
        """How many parts there are."""
        return -(-self.size_bytes // self.part_bytes)

    def size_of(self, number: int) -> int:
        """Tell how large a part must be; 0: there is no such."""
        if not 1 <= number <= self.count:
            return 0
        return min(self.part_bytes, self.size_bytes - (number - 1) * self.part_bytes)
