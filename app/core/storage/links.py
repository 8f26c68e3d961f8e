"""Files of videos that stay where they are, in a bucket of their own.

In place of the file a small object is kept, a link, which names the very bytes by their
address. A copy of them is nowhere but in the cache of a machine that reads them.
"""

import hashlib
import json
from dataclasses import asdict, dataclass

from app.core.storage.keys import LINK_SUFFIX, is_fetched_key


@dataclass(frozen=True, slots=True)
class Link:
    """Which bytes a link names.

    Attributes:
        url: of the object, such as `s3://archive/2025/final.mp4`.
        e_tag: the object's when it was added; None: its bucket tells none.
    """

    url: str
    size_bytes: int
    e_tag: str | None

    @property
    def tag(self) -> str:
        """Name the very bytes, 64 hexadecimal digits: see `LocalCache`."""
        said = f"{self.url} {self.size_bytes} {self.e_tag}"
        return hashlib.sha256(said.encode()).hexdigest()

    def to_bytes(self) -> bytes:
        """Write it as `from_bytes` reads it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Link":
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: it did not.
        """
        try:
            return cls(**json.loads(data))
        except TypeError as exc:
            raise ValueError(f"no link: {exc}") from exc


def is_link_key(key: str) -> bool:
    """Whether the object of a key is a link: `linked_key` made it."""
    return is_fetched_key(key) and key.endswith(LINK_SUFFIX)
