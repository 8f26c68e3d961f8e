"""Objects that clients send to the bucket themselves, part by part.

The service begins such an upload, signs the addresses of its parts, sees which of them
have come, and has the bucket make the object of them.
"""

from dataclasses import dataclass

from app.core.storage.bucket_clients import AwsAccess
from app.core.storage.multipart import MOST_PARTS
from app.core.storage.object_upload import PART_BYTES
from app.core.storage.presigning import make_presigner, signing_address
from app.core.storage.s3_multipart import S3Multipart
from app.core.storage.s3_presigner import S3Presigner
from app.core.storage.settings import StorageSettings

MIB = 2**20
ATTEMPTS = 4  # a client waits for the answer, and asks again by itself


@dataclass(frozen=True, slots=True)
class PartUploads:
    """Multipart uploads of one bucket of S3, and what signs addresses in it."""

    multipart: S3Multipart
    presigner: S3Presigner


def open_part_uploads(settings: StorageSettings) -> PartUploads | None:
    """Make what clients' own uploads to the bucket take, if the operator wants them.

    Raises:
        StartFailed: the bucket is none of S3, or there are no credentials.
    """
    if not settings.presigned_uploads:
        return None
    address = signing_address(settings)
    aws = AwsAccess(address.url, attempts=ATTEMPTS)
    return PartUploads(S3Multipart(address, aws), make_presigner(settings, aws=aws))


def part_size(size_bytes: int) -> int:
    """Tell how large each part but the last is: as small as S3's number allows."""
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
