"""Where events come from travels with them, in every format that says so."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.data.formats.base import EventFormat, ReadOptions
from model.data.formats.clock import ConstantRate
from model.data.formats.events import EventFacts, ExportedVideo, ImportedEvents
from model.data.formats.provenance import (
    ModelUsed,
    Provenance,
    ReviewedSpan,
    read_provenance,
)
from model.data.formats.reading import read_events
from model.data.formats.registry import FORMATS
from model.data.formats.writing import write_events
from model.errors import BadAnnotations, CannotWrite
from tests.unit.model.data.formats.drawn import got, kept, timelines

BOTH_WAYS = [one for one in FORMATS.values() if one.read and one.write]
CARRY = [one for one in BOTH_WAYS if one.holds.provenance != "none"]
CARRY_NOT = [one for one in BOTH_WAYS if one.holds.provenance == "none"]
HALVES = [one for one in CARRY if one.name.startswith("soccernet")]
RATE = ConstantRate(25.0)
PLAIN = st.sampled_from(["PASS", "HIGH PASS", "ÖÄ"])
# What comments of XML, notes of WebVTT and lines of an EDL cannot hold as it is.
AWKWARD = st.sampled_from(
    ["user", "key:1/Zoë & <b>", "--> -- ---", 'a "quoted"  name ', "x" * 130, "é\n\t;,"]
) | st.text(st.characters(codec="utf-8"), max_size=20)


@st.composite
def provenances(draw: st.DrawFn) -> Provenance:
    """Draw what the service may know of a video."""
    edges = sorted(draw(st.sets(st.integers(0, 3_600_000), max_size=6)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    lines = draw(st.lists(AWKWARD, max_size=3))
    return Provenance(
        models=tuple(
            ModelUsed(name, draw(st.none() | AWKWARD), "ab" * 32, {name: 0.25})
            for name in draw(st.lists(AWKWARD, max_size=2))
        ),
        reviewers=tuple(lines),
        reviewed=tuple(
            ReviewedSpan(start / 1000, end / 1000, draw(AWKWARD), "2026-11-27T01:02:03")
            for start, end in pairs
        ),
        history=tuple({"action": "edit", "author": one} for one in lines),
        history_count=len(lines),
        video={"name": draw(AWKWARD)},
    )


@pytest.mark.parametrize("one", CARRY, ids=lambda one: one.name)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
@pytest.mark.slow
def test_it_comes_back_and_keeps_every_frame(
    one: EventFormat, data: st.DataObject
) -> None:
    told = data.draw(provenances())
    events = data.draw(timelines(RATE, PLAIN).filter(bool))

    read = there_and_back(one, events, told)

    assert read.problems == ()
    assert got(read) == kept(one, events)
    assert all("provenance" not in event.attributes for event in read.events)
    whole = one.holds.provenance == "all"
    assert read.provenance == (told if whole else told.without_history())


@pytest.mark.parametrize("one", CARRY_NOT, ids=lambda one: one.name)
def test_a_format_without_a_place_for_it_says_so(one: EventFormat) -> None:
    video = ExportedVideo("m.mp4", 25.0, provenance=Provenance(reviewed=()))

    with pytest.raises(CannotWrite, match="no place for where events come from"):
        write_events([EventFacts("1", "PASS", 400, 10, None)], video, format=one.name)


def test_a_cell_that_a_spreadsheet_would_cut_off_is_refused() -> None:
    spans = tuple(ReviewedSpan(n, n + 0.5, "somebody") for n in range(1000))
    video = ExportedVideo("m.mp4", 25.0, provenance=Provenance(reviewed=spans))

    with pytest.raises(CannotWrite, match="spreadsheet"):
        write_events([EventFacts("1", "PASS", 400, 10, None)], video, format="csv")


def test_a_column_of_that_name_that_is_not_ours_is_an_attribute() -> None:
    table = b"label,time_s,provenance\nPASS,1.0,TV feed\n"

    read = read_events(table)

    assert dict(read.events[0].attributes) == {"provenance": "TV feed"}
    assert read.provenance is None


@pytest.mark.parametrize("one", HALVES, ids=lambda one: one.name)
@given(
    starts=st.tuples(st.integers(0, 60_000), st.integers(2_700_000, 3_400_000)),
    spans=st.sets(st.integers(60_000, 6_000_000), min_size=2, max_size=8),
)
@settings(max_examples=12, deadline=None)
def test_what_is_reviewed_is_told_by_half_and_put_together_again(
    one: EventFormat, starts: tuple[int, int], spans: set[int]
) -> None:
    edges = sorted(spans)
    told = Provenance(
        reviewed=tuple(
            ReviewedSpan(start / 1000, end / 1000)
            for start, end in zip(edges[::2], edges[1::2], strict=False)
        )
    )
    starts_s = tuple(start / 1000 for start in starts)
    events = [
        EventFacts(str(ms), "PASS", ms, ms // 40, None)
        for ms in (70_000, 2_000_000, 4_000_000)
    ]

    both = there_and_back(one, events, told, starts_s)
    second = there_and_back(one, events, told, starts_s, half=2)

    after = ((max(start, starts_s[0]), end) for start, end in told.spans_s or ())
    assert in_ms(both) == in_ms_of(span for span in after if span[0] < span[1])
    assert [event.frame for event in both.events] == [1750, 50_000, 100_000]
    late = [span for span in told.spans_s or () if span[1] > starts_s[1]]
    assert in_ms(second) == in_ms_of(
        (max(0.0, start - starts_s[1]), end - starts_s[1]) for start, end in late
    )


def test_an_offset_moves_what_is_reviewed() -> None:
    told = Provenance(reviewed=(ReviewedSpan(1.0, 4.0), ReviewedSpan(10.0, 12.0)))

    assert told.moved(-2.0).spans_s == ((0.0, 2.0), (8.0, 10.0))
    assert told.moved(3.0).spans_s == ((4.0, 7.0), (13.0, 15.0))


@pytest.mark.parametrize(
    "damage",
    [
        {"reviewed": [{"from_s": 3, "to_s": 1}]},
        {"reviewed": 7},
        {"models": [{}]},
        {"version": 2},
    ],
)
def test_a_damaged_one_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(BadAnnotations):
        read_provenance({**Provenance().to_dict(), **damage})


def in_ms(read: ImportedEvents) -> list[tuple[int, int]]:
    """Give what was reviewed, in whole milliseconds."""
    assert read.provenance is not None
    return in_ms_of(read.provenance.spans_s or ())


def in_ms_of(spans: Iterable[tuple[float, float]]) -> list[tuple[int, int]]:
    """Round spans to milliseconds."""
    return [(round(start * 1000), round(end * 1000)) for start, end in spans]


def there_and_back(
    one: EventFormat,
    events: list[EventFacts],
    told: Provenance,
    starts_s: tuple[float, ...] = (),
    half: int | None = None,
) -> ImportedEvents:
    """Write events with their provenance and read them again."""
    video = ExportedVideo("m.mp4", 25.0, provenance=told, half_starts_s=starts_s)
    text = write_events(events, video, format=one.name)
    options = ReadOptions(RATE, half=half, half_starts_s=() if half else starts_s)
    read = read_events(text.encode(), format=one.name, options=options)
    if read.provenance is None:
        return read
    plain = replace(read.provenance, half_starts_s=())
    return replace(read, provenance=plain)
