"""What a batch is made of: where a video is, and how the same one is told again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid5

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.batches.tables import Batch, BatchItem, ItemState

ItemKind = Literal["url", "import", "video"]
AT_ONCE = 500  # items in a transaction


@dataclass(frozen=True, slots=True)
class BatchSourceItem:
    """A video that belongs to a batch.

    Attributes:
        address: the URL, the path in the folder of imports, or the video's id.
        version: tells another file at the same address; None: not known.
        etag: of an object in a bucket.
    """

    kind: ItemKind
    address: str
    title: str | None = None
    size_bytes: int | None = None
    version: str | None = None
    etag: str | None = None

    def source_id(self, project_id: UUID) -> UUID:
        """Name the file: the same for each batch of the project that has it."""
        return uuid5(project_id, f"{self.kind}\n{self.address}\n{self.version or ''}")


def add_items(session: Session, batch: Batch, found: Sequence[BatchSourceItem]) -> int:
    """Add what a locked batch does not have yet, at its end.

    Returns:
        How many were added.
    """
    if not found:
        return 0
    rows = [
        {
            "batch_id": batch.id,
            "number": batch.named + number,
            "kind": one.kind,
            "address": one.address,
            "source_id": one.source_id(batch.project_id),
            "title": one.title,
            "size_bytes": one.size_bytes,
            "etag": one.etag,
            "state": ItemState.PENDING,
        }
        for number, one in enumerate(found, start=1)
    ]
    batch.named += len(rows)
    added = (
        insert(BatchItem)
        .values(rows)
        .on_conflict_do_nothing(constraint="uq_batch_items_batch_id_source_id")
        .returning(BatchItem.number)
    )
    return len(session.scalars(added).all())
