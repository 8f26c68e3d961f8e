"""Times in another unit than a file says: asked, never guessed."""

import json

import pytest

from model.data.formats.base import ReadOptions
from model.data.formats.clock import ConstantRate
from model.data.formats.events import ImportedEvents
from model.data.formats.reading import read_events
from model.errors import BadAnnotations

IN_MS = "label,time_s\nDRIVE,70100\nPASS,75467\nPASS,83400\nPASS,588000\n"


def read(text: str, duration_s: float | None, **told: object) -> ImportedEvents:
    """Read a table of a video of 25 frames a second."""
    options = ReadOptions(ConstantRate(25.0), **told)  # type: ignore[arg-type]  # by name
    return read_events(
        text.encode(), format="csv", options=options, duration_s=duration_s
    )


@pytest.mark.parametrize("duration_s", [600.0, None])
def test_milliseconds_under_seconds_are_asked_in_one_line(
    duration_s: float | None,
) -> None:
    asked = read(IN_MS, duration_s)
    told = read(IN_MS, duration_s, time_format="ms")

    (need,) = asked.needs
    assert (asked.events, asked.problems) == ((), ())
    assert need.option == "time_format"
    assert "looks like milliseconds" in need.text
    assert (need.choices[0], need.choices[-1]) == ("ms", "s")
    assert [event.time_s for event in told.events] == [70.1, 75.467, 83.4, 588.0]
    assert (told.needs, told.problems) == ((), ())


def test_who_says_that_they_are_seconds_is_believed() -> None:
    told = read(IN_MS, 600.0, time_format="s")

    assert (told.needs, len(told.problems)) == ((), 4)


def test_frame_numbers_under_seconds_are_asked() -> None:
    (need,) = read("label,time_s\nA,2100\nA,5467\nA,14000\n", 600.0).needs

    assert "looks like milliseconds or frame numbers" in need.text
    assert need.choices == ("ms", "frames", "s")


@pytest.mark.parametrize(
    "rows",
    [
        "A,10\nA,20\nA,30\nA,2700\n",  # most lie in the video
        "A,2700.5\nA,2800.25\nA,2900.75\n",  # no whole numbers: another video's
        "A,2700000\nA,2800000\nA,2900000\n",  # too late as milliseconds, too
    ],
)
def test_another_video_is_no_other_unit(rows: str) -> None:
    found = read(f"label,time_s\n{rows}", 60.0)

    assert found.needs == ()
    assert all(problem.is_outside for problem in found.problems)
    assert found.problems


@pytest.mark.parametrize("column", ["time", "time_s"])
def test_frames_after_minutes_and_seconds_are_asked(column: str) -> None:
    text = f"label,{column}\nA,00:34:18\nA,12:34:18\n"

    asked, told = read(text, 900.0), read(text, 900.0, time_format="mm:ss:ff")
    longer = read(text, 50_000.0)

    assert asked.events == ()
    assert asked.needs[0].choices == ("mm:ss:ff", "hh:mm:ss")
    assert [event.time_s for event in told.events] == [34.72, 754.72]
    assert [event.time_s for event in longer.events] == [2058.0, 45258.0]


def test_a_format_of_one_unit_is_refused_with_the_unit() -> None:
    rows = [
        {"label": "A", "position": str(at * 1_000_000), "gameTime": "1 - x"}
        for at in (2, 5, 7, 90)
    ]
    data = json.dumps({"annotations": rows}).encode()

    with pytest.raises(BadAnnotations, match="looks like milliseconds"):
        read_events(data, duration_s=600.0)
    assert len(read_events(data, duration_s=100_000.0).events) == 4


@pytest.mark.parametrize(
    ("column", "form"), [("time_ms", None), ("frame", None), ("time", "ms")]
)
@pytest.mark.parametrize("cells", [("83,400", "2,100"), ("83,400", "1,234,567")])
def test_a_separator_of_thousands_is_no_decimal_comma(
    column: str, form: str | None, cells: tuple[str, str]
) -> None:
    text = f"label;{column}\n" + "".join(f"A;{cell}\n" for cell in cells)

    with pytest.raises(BadAnnotations, match="without a separator"):
        read(text, 6000.0, time_format=form)


@pytest.mark.parametrize("cells", [("83,4", "2100,25"), ("83400,125", "83,400")])
def test_milliseconds_may_have_decimals(cells: tuple[str, str]) -> None:
    text = "label;time_ms\n" + "".join(f"A;{cell}\n" for cell in cells)

    assert len(read(text, 6000.0).events) == 2
