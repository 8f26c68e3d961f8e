"""The card of a data set as text."""

import re
from typing import Any

from app.datasets.card import readme_of
from model.data.splits import PARTS

HOSTILE = "a|b\n| c"
PART = {"matches": [HOSTILE], "minutes": 1.0, "counts": {HOSTILE: 1}}
CARD: dict[str, Any] = {
    **{"name": "cup", "created_at": "2026-05-31", "touchline": "1", "licence": None},
    **{"minutes_reviewed": 1.0, "counts": {HOSTILE: 1}},
    "split": {"note": None, "parts": dict.fromkeys(PARTS, PART)},
    "agreement": {"decided_twice": 0},
    "people": [{"author": HOSTILE, "decisions": 1, "minutes_reviewed": 1.0}],
    "models": [{"name": HOSTILE, "version": HOSTILE, "sha256": None, "videos": 1}],
    "matches": [
        {
            **{"name": HOSTILE, "title": HOSTILE},
            **{"minutes_reviewed": 1.0, "counts": {HOSTILE: 1}},
        }
    ],
    "left_out": [{"video_id": "1", "why": HOSTILE}],
}


def test_whatever_is_told_stays_in_its_cell() -> None:
    text = readme_of(CARD)

    tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(tables) == 6
    for table in tables:
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(bars) == 1, table
    assert text.count("a\\|b \\| c") == 7
