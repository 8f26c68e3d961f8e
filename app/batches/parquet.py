"""A batch's events as Parquet, one row group after another, in constant memory."""

import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from app.batches.event_columns import COLUMNS, SCHEMA_NAME, SCHEMA_VERSION
from app.batches.event_rows import BatchEvents, Row
from app.batches.problems import ParquetNotInstalled

if TYPE_CHECKING:
    import pyarrow

ROWS_A_GROUP = 10_000


def ensure_parquet() -> None:
    """Make sure that Parquet can be written.

    Raises:
        ParquetNotInstalled: its package is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401  # heavy, and not everywhere
    except ModuleNotFoundError as exc:
        raise ParquetNotInstalled(
            "This service cannot write Parquet: have the operator install "
            "'touchline[parquet]', or ask for events.csv or events.jsonl."
        ) from exc


def arrow_schema() -> "pyarrow.Schema":
    """Give the columns as Arrow has them, with the version of the table."""
    import pyarrow

    types = {
        "text": pyarrow.string(),
        "int": pyarrow.int64(),
        "float": pyarrow.float64(),
        "bool": pyarrow.bool_(),
        "time": pyarrow.timestamp("us", tz="UTC"),
    }
    return pyarrow.schema(
        [
            pyarrow.field(
                one.name,
                types[one.type],
                nullable=one.nullable,
                metadata={"description": one.meaning},
            )
            for one in COLUMNS
        ],
        metadata={
            "touchline.schema": SCHEMA_NAME,
            "touchline.schema_version": str(SCHEMA_VERSION),
        },
    )


def write_parquet(events: BatchEvents, *, facts: dict[str, str]) -> Iterator[bytes]:
    """Write the file piece by piece; its last piece says how many videos were read.

    Args:
        facts: of the batch, kept with the file as `touchline.NAME`.
    """
    import pyarrow.parquet

    out, schema = _Pieces(), arrow_schema()
    known = {f"touchline.{name}": value for name, value in facts.items()}
    schema = schema.with_metadata({**schema.metadata, **known})
    with pyarrow.parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        waiting: list[Row] = []
        for rows in events.by_video():
            waiting += rows
            while len(waiting) >= ROWS_A_GROUP:
                _write_group(writer, waiting[:ROWS_A_GROUP], schema)
                waiting = waiting[ROWS_A_GROUP:]
                yield out.taken()
        if waiting:
            _write_group(writer, waiting, schema)
        writer.add_key_value_metadata(
            {
                "touchline.videos": str(events.videos),
                "touchline.left_out": json.dumps(events.left_out, ensure_ascii=False),
            }
        )
    yield out.taken()


def _write_group(writer: Any, rows: list[Row], schema: "pyarrow.Schema") -> None:
    import pyarrow

    table = pyarrow.Table.from_pylist(rows, schema)
    writer.write_table(table, row_group_size=len(rows))


class _Pieces(io.RawIOBase):
    """Takes what is written until somebody fetches it."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        return len(piece)

    def close(self) -> None:
        """Stay open: the end of the file is fetched after its writer has closed it."""

    def taken(self) -> bytes:
        """Give what was written since, and forget it."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
