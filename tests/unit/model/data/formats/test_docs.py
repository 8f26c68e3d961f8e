"""What the documentation says of formats is what the registry says."""

from pathlib import Path

from model.data.formats.base import EventFormat
from model.data.formats.registry import FORMATS

DOCS = Path(__file__).parents[5] / "docs" / "formats.md"
CARRIES = {"all": "yes", "summary": "but the history", "none": "no"}
FRAMES = {"all": "yes", "constant": "constant rates", "none": "no"}


def row(one: EventFormat) -> str:
    """The line of a format."""
    holds = one.holds
    ways = "/".join(
        way for way, does in (("read", one.read), ("written", one.write)) if does
    )
    marks = ["yes" if kept else "no" for kept in (holds.score, holds.team)]
    cells = (
        f"`{one.name}`",
        f"{one.title[0].upper()}{one.title[1:]}",
        f".{one.suffix}",
        ways,
        FRAMES[holds.frames],
        *marks,
        "yes" if holds.attributes else "no",
        CARRIES[holds.provenance],
        holds.loses or "nothing",
    )
    return f"| {' | '.join(cells)} |"


def test_the_table_of_the_docs_is_that_of_the_registry() -> None:
    rows = [row(one) for one in FORMATS.values()]

    text = DOCS.read_text(encoding="utf-8")

    # To mend it, paste these lines.
    assert "\n".join(rows) in text, "\n" + "\n".join(rows)
