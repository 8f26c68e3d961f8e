"""Values that no match has, and files made to be slow: each is read or refused."""

import json
from contextlib import suppress
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.data.formats.base import EventFormat, ReadOptions
from model.data.formats.clock import ConstantRate
from model.data.formats.events import EventFacts, ExportedVideo
from model.data.formats.moments import MOST_FRAMES, MOST_S
from model.data.formats.reading import read_events
from model.data.formats.registry import FORMATS
from model.data.formats.text import TimeFormat
from model.data.label_files import read_labels
from model.errors import BadAnnotations, ModelError
from model.video.frame_times import FrameTimes
from tests.unit.model.data.formats.extreme_files import FILES, NUMBERS, slow_files

READABLE = [one for one in FORMATS.values() if one.read is not None]
OPTIONS = (
    ReadOptions(),
    ReadOptions(ConstantRate(25.0), lead_s=1.0),
    ReadOptions(FrameTimes(np.arange(50) / 25.0, 2.0), lead_s=0.5),
)


def whole(one: EventFormat) -> str:
    """Write some events."""
    assert one.write is not None
    events = [EventFacts(str(n), "PASS", n * 20_000, n * 500, 0.5) for n in range(4)]
    return one.write(events, ExportedVideo("m", 25.0))


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:12])
@pytest.mark.parametrize(("name", "form"), FILES)
def test_a_number_of_any_size_raises_nothing_but_our_errors(
    name: str, form: str, number: str
) -> None:
    data = form.replace("#", number).encode()
    for options in OPTIONS:
        with suppress(ModelError):
            for event in read_events(data, format=name, options=options).events:
                assert 0 <= event.time_s <= MOST_S
                assert event.frame is None or 0 <= event.frame <= MOST_FRAMES


@pytest.mark.parametrize("time", ["1000", "-5", "1e5", *NUMBERS[-2:]])
def test_an_annotation_at_any_time_raises_nothing_but_our_errors(time: str) -> None:
    text = whole(FORMATS["elan"]).replace('TIME_VALUE="20000"', f'TIME_VALUE="{time}"')
    assert time in text

    with suppress(ModelError):
        read_events(text.encode(), format="elan")


def test_positions_of_zero_are_in_no_unit_at_all() -> None:
    rows = [
        {"gameTime": f"1 - {minute}:00", "label": "PASS", "position": "0"}
        for minute in (10, 20, 30)
    ]

    with pytest.raises(BadAnnotations, match="It must be milliseconds"):
        read_events(json.dumps({"annotations": rows}).encode())


@pytest.mark.timeout(30)  # each takes a second at most, or minutes if it is squared
@pytest.mark.parametrize(("name", "text"), list(slow_files()))
@pytest.mark.slow
def test_what_is_long_is_not_slow(name: str, text: str) -> None:
    for options in (*OPTIONS, ReadOptions(time_format="ms")):
        with suppress(ModelError):
            read_events(text.encode(), format=name, options=options)
    with suppress(ModelError):
        read_events(text.encode())


@pytest.mark.parametrize("delimiter", ["ab", '"', "\n", "\r", "\0", " "])
def test_a_delimiter_that_is_none_is_refused(delimiter: str) -> None:
    table = b"label,time_s\nPASS,1\n"

    with pytest.raises(BadAnnotations, match="between its cells"):
        read_events(table, format="csv", options=ReadOptions(delimiter=delimiter))


@pytest.mark.parametrize("encoding", ["idna", "undefined", "punycode", "rot13", "a\0b"])
def test_an_encoding_of_no_text_file_is_refused(encoding: str) -> None:
    data = b"xn--\xff\xfe, label,time_s\nPASS,1\n"

    with pytest.raises(BadAnnotations):
        read_events(data, format="csv", options=ReadOptions(encoding=encoding))


MARKS = tuple(",;\t\n\r\"'<&{[:\0-")
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 9), st.sampled_from((*NUMBERS, *MARKS))),
    max_size=4,
)
TIME_FORMATS: st.SearchStrategy[TimeFormat] = st.sampled_from(get_args(TimeFormat))


@pytest.mark.parametrize("one", READABLE, ids=lambda one: one.name)
@given(
    edits=EDITS,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]),
    cell=st.sampled_from([",", ";", "\t"]),
    time_format=st.none() | TIME_FORMATS,
)
@settings(max_examples=25, deadline=None)
def test_an_edited_file_in_any_dialect_raises_nothing_but_our_errors(
    one: EventFormat,
    tmp_path_factory: pytest.TempPathFactory,
    edits: list[tuple[float, int, str]],
    encoding: str,
    cell: str,
    time_format: TimeFormat | None,
) -> None:
    text = whole(one)
    if one.name in ("csv", "boris"):
        text = text.replace(",", cell)
    for where, gone, piece in edits:
        at = int(where * len(text))
        text = text[:at] + piece + text[at + gone :]
    data = text.encode(encoding, errors="replace")
    forms = ReadOptions(ConstantRate(25.0), time_format=time_format)
    for options in (*OPTIONS, forms):
        with suppress(ModelError):
            read_events(data, format=one.name, options=options, duration_s=60.0)
    path = tmp_path_factory.getbasetemp() / f"edited-{one.name}.{one.suffix}"
    path.write_bytes(data)
    with suppress(ModelError):
        read_labels(path)
