"""Files of editing programs: timecodes, EDL, OpenTimelineIO, chapters."""

import opentimelineio
import pytest

from model.data.formats.base import ReadOptions
from model.data.formats.clock import ConstantRate, exact_rate
from model.data.formats.edl import to_edl
from model.data.formats.events import EventFacts, ExportedVideo
from model.data.formats.otio import to_otio
from model.data.formats.reading import read_events
from model.data.formats.timecode import format_timecode, parse_timecode
from model.data.formats.webvtt import to_webvtt
from model.data.formats.writing import write_events
from model.data.formats.youtube import to_youtube
from model.errors import CannotWrite

NTSC = exact_rate(29.97)
FAST = exact_rate(59.94)
RESOLVE = """TITLE: Timeline 1
FCM: NON-DROP FRAME

001  001      V     C        01:00:05:10 01:00:05:11 01:00:05:10 01:00:05:11
* FROM CLIP NAME: goal.mov
"""


@pytest.mark.parametrize(
    ("frame", "fps", "code"),
    [
        # Of SMPTE 12M: the tenth minute is the first without a jump.
        (1799, NTSC, "00:00:59;29"),
        (1800, NTSC, "00:01:00;02"),
        (17982, NTSC, "00:10:00;00"),
        (107892, NTSC, "01:00:00;00"),
        (3599, FAST, "00:00:59;59"),
        (3600, FAST, "00:01:00;04"),
        (215784, FAST, "01:00:00;00"),
        (1500, 25.0, "00:01:00:00"),
        (24 * 60, exact_rate(23.976), "00:01:00:00"),
    ],
)
def test_timecodes_follow_the_clock_on_the_wall(
    frame: int, fps: float, code: str
) -> None:
    assert format_timecode(frame, fps) == code
    assert parse_timecode(code, fps) == frame


@pytest.mark.parametrize("fps", [NTSC, FAST])
def test_every_timecode_of_eleven_minutes_is_its_own(fps: float) -> None:
    count = round(fps * 660)

    codes = [format_timecode(frame, fps) for frame in range(count)]

    assert len(set(codes)) == count
    assert [parse_timecode(code, fps) for code in codes] == list(range(count))


@pytest.mark.parametrize("code", ["00:01:00;00", "00:01:00;30", "00:61:00;00", "1:2"])
def test_what_is_no_timecode_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=r"timecode|leaves out"):
        parse_timecode(code, NTSC)


def test_an_edl_of_cuts_asks_where_the_event_is() -> None:
    clock = ConstantRate(25.0)

    asked = read_events(RESOLVE.encode(), options=ReadOptions(clock))
    told = read_events(RESOLVE.encode(), options=ReadOptions(clock, lead_s=0))

    assert asked.needs[0].option == "lead_s"
    assert read_events(RESOLVE.encode()).needs[0].option == "fps"
    assert [(e.label, e.frame) for e in told.events] == [
        ("goal.mov", (3600 + 5) * 25 + 10)
    ]


@pytest.mark.parametrize("name", ["edl", "otio", "e2espot"])
def test_a_format_that_counts_frames_refuses_what_it_cannot_count(name: str) -> None:
    event = EventFacts("1", "PASS", 1000, 30, None)
    varying = ExportedVideo("m", 27.3, is_constant=False)

    with pytest.raises(CannotWrite, match="unknown"):
        write_events([event], ExportedVideo("m", None), format=name)
    if name != "e2espot":  # There a frame is a number, at any rate.
        with pytest.raises(CannotWrite, match="varies"):
            write_events([event], varying, format=name)


def test_a_rate_without_a_timecode_is_refused() -> None:
    with pytest.raises(CannotWrite, match=r"no timecode at 27\.3"):
        to_edl([EventFacts("1", "PASS", 1000, 27, None)], ExportedVideo("m", 27.3))


def test_an_edl_is_a_reel_that_stays_in_the_video() -> None:
    events = [
        EventFacts("1", "PASS", 400, 10, None, "left"),
        EventFacts("2", "SHOT", 3960, 99, None),
    ]
    video = ExportedVideo("m.mp4", 25.0, frame_count=100, lead_s=2, lag_s=2)

    lines = to_edl(events, video).splitlines()

    assert lines[1] == "FCM: NON-DROP FRAME"
    assert lines[3].split()[4:] == [
        *("00:00:00:00", "00:00:02:10", "00:00:00:00", "00:00:02:10"),
    ]
    assert lines[7].split()[4:] == [
        *("00:00:01:24", "00:00:04:00", "00:00:02:10", "00:00:04:11"),
    ]
    assert "* LOC: 00:00:00:10 RED     PASS" in lines
    assert "* LOC: 00:00:04:10 RED     SHOT" in lines


def test_otio_has_a_marker_of_one_frame_for_each_event() -> None:
    events = [EventFacts("1", "PASS", 1001, 30, 0.5, "left")]

    text = to_otio(events, ExportedVideo("m.mp4", 29.97, duration_s=60.0))
    timeline = opentimelineio.adapters.read_from_string(text, "otio_json")

    (clip,) = timeline.find_clips()
    (marker,) = clip.markers
    assert marker.name == "PASS"
    assert marker.marked_range.start_time.value == 30
    assert marker.marked_range.duration.value == 1
    assert marker.marked_range.start_time.rate == NTSC
    assert clip.duration().value == 1798


def test_markers_of_several_clips_are_asked_for() -> None:
    schema, opentime = opentimelineio.schema, opentimelineio.opentime
    timeline, track = schema.Timeline("t"), schema.Track("V1")
    timeline.tracks.append(track)
    for name in ("a", "b"):
        span = opentime.TimeRange(
            opentime.RationalTime(0, 25), opentime.RationalTime(100, 25)
        )
        clip = schema.Clip(name, source_range=span)
        start = opentime.TimeRange(
            opentime.RationalTime(50, 25), opentime.RationalTime(1, 25)
        )
        clip.markers.append(schema.Marker(f"in {name}", start))
        track.append(clip)
    data = opentimelineio.adapters.write_to_string(timeline, "otio_json").encode()

    assert read_events(data).needs[0].choices == ("a", "b")
    found = read_events(data, options=ReadOptions(video="b")).events
    assert [(one.label, one.time_s) for one in found] == [("in b", 2.0)]


def test_chapters_of_webvtt_reach_to_the_next() -> None:
    events = [
        EventFacts("2", "B & <C>", 9000, 225, None),
        EventFacts("1", "A", 3_723_456, 93_086, None),
    ]

    text = to_webvtt(events, ExportedVideo("m", 25.0, duration_s=4000.0))

    assert "00:00:09.000 --> 01:02:03.456\nB &amp; &lt;C&gt;" in text
    assert "01:02:03.456 --> 01:06:40.000\nA" in text


def test_youtube_has_a_chapter_before_the_first_event() -> None:
    events = [
        EventFacts("1", "GOAL", 12_900, 0, None),
        EventFacts("2", "GOAL", 3_700_000, 0, None),
    ]

    text = to_youtube(events, ExportedVideo("m", 25.0))

    assert text == "0:00 Start of the video\n0:12 GOAL\n1:01:40 GOAL\n"
    assert read_events(text.encode(), format="youtube").counts == {"GOAL": 2}


@pytest.mark.parametrize(
    ("times_s", "rule"),
    [
        ([], "at least 3 chapters"),
        ([30], "at least 3 chapters"),
        ([5, 20, 40], "10 s at least; 1 would be shorter, the first from Start"),
        ([20, 29, 50, 51], "10 s at least; 2 would be shorter"),
        ([20, 40, 95], "too near to the end"),
    ],
)
def test_youtubes_rules_are_told(times_s: list[int], rule: str) -> None:
    events = [EventFacts(str(at), "GOAL", at * 1000, 0, None) for at in times_s]

    with pytest.raises(CannotWrite, match=rule):
        to_youtube(events, ExportedVideo("m", 25.0, duration_s=100.0))


@pytest.mark.parametrize(
    ("mode", "code", "frame"),
    [
        ("DROP FRAME", "01:00:00:00", 107_892),
        ("NON-DROP FRAME", "01:00:00:00", 108_000),
        ("NON DROP FRAME", "01:00:00:00", 108_000),
        ("DROP FRAME", "01:00:00;00", 107_892),
        ("NON-DROP FRAME", "01:00:00;00", 107_892),
        ("DROP FRAME", "01:00:00:00 01:00:00:00 01:00:00;00", 108_000),  # of both
    ],
)
def test_an_edl_says_that_it_is_drop_frame_by_its_head_as_well(
    mode: str, code: str, frame: int
) -> None:
    text = f"TITLE: x\nFCM: {mode}\n001 AX V C {code} {code} {code} {code}\n"
    rate = 30_000 / 1001

    def read(fps: float) -> list[int | None]:
        options = ReadOptions(clock=ConstantRate(fps), lead_s=0)
        found = read_events(text.encode(), format="edl", options=options)
        return [event.frame for event in found.events]

    assert read(rate) == [frame]
    assert ";" in code or read(30.0) == [108_000]  # which has no drop-frame
