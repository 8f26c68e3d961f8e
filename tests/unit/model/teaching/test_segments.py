"""Segments of pieces: each event in one of them, mirrored under its other name."""

from pathlib import Path

import numpy as np

from model.data.frame_store import StoredMatch
from model.data.labels import Event, MatchLabels
from model.teaching.segments import (
    alarms_in,
    mirrored,
    segments_of,
    stretches_of,
)
from model.training.false_alarms import FalseAlarm
from model.training.sides import side_twins

CLIP_LEN, REACH = 8, 2


def piece_of(
    steps: int, events: list[float], spans: tuple[tuple[float, float], ...]
) -> StoredMatch:
    """Give a piece of ten steps a second, whose frames are their numbers."""
    labels = MatchLabels(
        "m", tuple(Event("PASS", at) for at in events), Path("m.json")
    ).within(spans)
    return StoredMatch(
        "m",
        np.arange(steps, dtype=np.float16)[:, None],  # type: ignore[arg-type] # features
        np.arange(steps) / 10,
        np.arange(steps),
        np.arange(steps),
        labels,
    )


def test_every_event_is_in_one_segment_also_between_two_steps() -> None:
    events = [at / 100 for at in range(503, 1000, 7)]
    piece = piece_of(120, events, ((5.03, 9.97),))

    segments = segments_of([piece], clip_len=CLIP_LEN, reach=REACH)
    parts = [
        one.of(piece, piece.frames[one.first : one.until], name=str(index))
        for index, one in enumerate(segments)
    ]

    assert len(segments) == 2
    found = [event.time_s for part in parts for event in part.labels.events]
    assert sorted(found) == [at for at in events if 5.03 <= at < 9.97]
    for one, part in zip(segments, parts, strict=True):
        known = part.known_steps()
        assert known is not None
        assert known.sum() == one.end - one.start
        assert part.frames[known][0, 0] == one.start


def test_a_stretch_begins_with_one_of_servings_windows() -> None:
    piece = piece_of(120, [], ((5.03, 9.97),))

    (stretch,) = stretches_of([piece], context=20, hop=8)

    assert (stretch.start, stretch.end) == (51, 100)
    assert (stretch.first, stretch.until) == (24, 120)


def test_types_named_by_side_swap_in_a_mirror_image() -> None:
    twins = side_twins(("PASS left", "PASS right", "SHOT"))
    assert twins == {
        "PASS left": "PASS right",
        "PASS right": "PASS left",
        "SHOT": "SHOT",
    }
    labels = (Event("PASS left", 1.0, "left"), Event("SHOT", 2.0, "home"))
    piece = piece_of(30, [], ((0.0, 3.0),))
    known = MatchLabels("m", labels, Path("m.json"), reviewed=((0.0, 3.0),))

    turned = mirrored(
        StoredMatch("m", piece.frames, piece.time_s, piece.frame, piece.pts, known),
        twins,
        ("left", "right"),
    )

    assert [(e.label, e.team) for e in turned.labels.events] == [
        ("PASS right", "right"),
        ("SHOT", "home"),
    ]
    assert side_twins(("PASS left", "SHOT")) is None
    assert side_twins(("LEFTOVER",)) == {"LEFTOVER": "LEFTOVER"}


def test_false_alarms_count_in_the_stretch_that_they_are_in() -> None:
    early, late = piece_of(60, [], ((0.0, 3.0),)), piece_of(60, [], ((4.0, 6.0),))
    alarms = [FalseAlarm("m", "PASS", at, 0.5) for at in (1.0, 3.5, 5.0)]
    alarms.append(FalseAlarm("other", "PASS", 1.0, 0.5))

    found = alarms_in([early, late], ["m", "m"], alarms)

    assert [alarm.time_s for alarm in found] == [1.0, 5.0]
