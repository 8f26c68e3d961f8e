"""Events and clocks that hypothesis draws, and what comes back of them."""

import numpy as np
from hypothesis import strategies as st

from model.data.formats.base import EventFormat, ReadOptions
from model.data.formats.clock import Clock, ConstantRate, exact_rate
from model.data.formats.events import EventFacts, ExportedVideo, ImportedEvents
from model.data.formats.reading import read_events
from model.video.frame_times import FrameTimes

RATES = tuple(map(exact_rate, (25.0, 29.97, 30.0, 50.0, 59.94)))
TEN_HOURS_S = 36_000

# No control characters, and single spaces between words: ends are stripped.
TEXTS = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_categories=("C", "Z")),
        min_size=1,
        max_size=8,
    ),
    min_size=1,
    max_size=2,
).map(" ".join)


@st.composite
def variable_clocks(draw: st.DrawFn) -> FrameTimes:
    """Draw the times of frames that are shown from 5 ms to 3 s each."""
    steps_ms = draw(st.lists(st.floats(5, 3000), min_size=2, max_size=60))
    times_s = np.cumsum([0.0, *steps_ms]) / 1000
    return FrameTimes(times_s, float(times_s[-1]) + 1)


@st.composite
def late_clocks(draw: st.DrawFn) -> FrameTimes:
    """Draw a constant rate whose first frame is shown up to half a second late."""
    start_s = draw(st.floats(0, 0.5) | st.sampled_from([0.02, 0.04, 0.08]))
    return FrameTimes.constant(
        fps=draw(st.sampled_from(RATES)), frames=2000, start_s=start_s
    )


def constant_clocks() -> st.SearchStrategy[ConstantRate]:
    """Draw one of the rates that cameras have."""
    return st.sampled_from(RATES).map(ConstantRate)


@st.composite
def timelines(
    draw: st.DrawFn, clock: Clock, labels: st.SearchStrategy[str] = TEXTS
) -> list[EventFacts]:
    """Draw events by time, as the service has them: in rounded milliseconds."""
    if isinstance(clock, FrameTimes):
        last = len(clock) - 1
    else:
        last = int(TEN_HOURS_S * clock.fps)
    frames = draw(st.lists(st.integers(0, last), unique=True, max_size=12))
    return [
        EventFacts(
            id=str(number),
            label=draw(labels),
            time_ms=round(clock.time_of(frame) * 1000),
            frame=frame,
            score=draw(st.none() | st.integers(0, 10_000).map(lambda n: n / 10_000)),
            team=draw(st.none() | labels),
        )
        for number, frame in enumerate(sorted(frames), start=1)
    ]


def round_trip(
    one: EventFormat, events: list[EventFacts], clock: Clock
) -> ImportedEvents:
    """Write events and read them again."""
    assert one.write is not None
    video = ExportedVideo("m.mp4", clock.fps, is_constant=clock.is_constant)
    text = one.write(events, video)
    return read_events(text.encode(), format=one.name, options=ReadOptions(clock))


def kept(
    one: EventFormat, events: list[EventFacts]
) -> list[tuple[str, int | None, str | None, float | None]]:
    """Give what must come back of events, in any order."""
    return sorted(
        (
            (
                event.label,
                event.frame,
                event.team if one.holds.team else None,
                _score(one, event.score) if one.holds.score else None,
            )
            for event in events
        ),
        key=repr,
    )


def got(
    read: ImportedEvents,
) -> list[tuple[str, int | None, str | None, float | None]]:
    """Give what came back, in the same order."""
    return sorted(
        (
            (
                event.label,
                event.frame,
                event.team,
                None if event.score is None else round(event.score, 4),
            )
            for event in read.events
        ),
        key=repr,
    )


def _score(one: EventFormat, score: float | None) -> float | None:
    if score is None:  # SoccerNet has a confidence for everything.
        return 1.0 if one.name == "soccernet" else None
    return round(score, 4)
