"""Times of live pictures, and which of them are steps."""

from itertools import pairwise

import pytest

from model.errors import VideoLimitExceeded
from model.video.live.live_clock import LiveClock, WallClock
from model.video.live.step_chooser import RateLimit, StepChooser


def run(
    clock: LiveClock, raws: list[float | None], ats: list[float]
) -> list[tuple[float, float | None]]:
    given = [clock.push(raw, at) for raw, at in zip(raws, ats, strict=True)]
    return [(one.time_s, one.jumped_from_s) for one in given]


def times(count: int, *, start: float = 0.0, step: float = 0.04) -> list[float]:
    return [start + k * step for k in range(count)]


def test_a_steady_source_keeps_its_own_times_however_they_arrive() -> None:
    raws = times(50, start=1000.0)
    bursts = [5.0 + k // 10 for k in range(50)]

    given = run(LiveClock(), [*raws], bursts)

    assert [one for one, _ in given] == pytest.approx(times(50))
    assert all(jump is None for _, jump in given)


@pytest.mark.parametrize("wrong_s", [-500.0, 500.0, 90_000.0, -1.5])
def test_one_wrong_time_is_replaced_and_is_no_jump(wrong_s: float) -> None:
    raws: list[float | None] = [*times(50)]
    raws[20] = 0.8 + wrong_s

    given = run(LiveClock(), raws, times(50))

    assert [one for one, _ in given] == pytest.approx(times(50), abs=0.041)
    assert all(jump is None for _, jump in given)


@pytest.mark.parametrize("jump_s", [-800.0, 3600.0, 0.0])
def test_a_clock_that_begins_anew_goes_on_by_the_wall(jump_s: float) -> None:
    raws = [*times(50, start=800.0), *times(50, start=800.0 + jump_s)]
    ats = [*times(50), *times(50, start=5.0)]  # Three seconds are missing.

    given = run(LiveClock(), [*raws], ats)

    jumps = [(one, jump) for one, jump in given if jump is not None]
    assert len(jumps) == 1
    assert jumps[0][0] == pytest.approx(5.04, abs=0.05)
    assert jumps[0][1] == pytest.approx(1.96)
    assert all(b > a for (a, _), (b, _) in pairwise(given))
    assert given[-1][0] == pytest.approx(ats[-1], abs=0.05)


def test_a_pause_that_the_wall_confirms_is_no_jump() -> None:
    raws = [*times(50), *times(50, start=9.0)]

    given = run(LiveClock(), [*raws], [*times(50), *times(50, start=9.2)])

    assert [one for one, _ in given] == pytest.approx(raws)
    assert all(jump is None for _, jump in given)


def test_in_bursts_the_wall_says_nothing() -> None:
    raws = [*times(50, start=800.0), *times(50)]

    given = run(LiveClock(is_bursty=True), [*raws], [0.0] * 50 + [30.0] * 50)

    assert given[-1][0] == pytest.approx(99 * 0.04, abs=0.09)


def test_pictures_without_times_are_spread_by_the_usual_distance() -> None:
    given = run(LiveClock(), [0.0, 0.04, None, None, 0.16], times(5))

    assert [one for one, _ in given] == pytest.approx(times(5), abs=0.001)


def test_the_wall_is_freed_of_delays() -> None:
    wall = WallClock()
    delays = [0.3, 0.1, 0.25, 0.12, 0.4, 0.11]

    told = [wall.push(float(k), 1000.0 + k + d) for k, d in enumerate(delays)]

    assert told[1:] == pytest.approx([1001.1, 1002.1, 1003.1, 1004.1, 1005.1])


def test_a_wall_that_runs_faster_than_the_source_is_followed() -> None:
    wall = WallClock()
    drift = 1.0001

    told = [wall.push(k / 5, 1000 + k / 5 * drift) for k in range(10_000)]

    assert told[-1] == pytest.approx(1000 + 9_999 / 5 * drift, abs=0.01)


def steps_of(times_s: list[float], *, fps: float = 10.0) -> list[float]:
    chooser = StepChooser(fps=fps, gap_s=2.5)
    steps: list[float] = []
    usual_s = sorted(b - a for a, b in pairwise(times_s))[len(times_s) // 2]
    for time_s in times_s:
        chosen = chooser.push(time_s, usual_s=usual_s)
        steps += [*chosen.again, *chosen.now]
    return steps


@pytest.mark.parametrize("rate", [1, 7, 10, 12.5, 25, 29.97, 50, 60])
def test_steps_come_at_the_networks_rate_whatever_the_sources(rate: float) -> None:
    steps = steps_of(times(int(20 * rate), step=1 / rate))

    assert len(steps) == pytest.approx(200, abs=max(6, 10 / rate))
    assert all(b > a for a, b in pairwise(steps))
    nearest_s = max(0.5 / rate, 0.05) if rate > 10 else 0.1
    for k, step_s in enumerate(steps[:150]):
        assert step_s == pytest.approx(k / 10, abs=nearest_s + 1e-6)


def test_a_step_waits_for_no_later_picture() -> None:
    chooser = StepChooser(fps=10.0, gap_s=2.5)

    taken = [bool(chooser.push(one, usual_s=0.04).now) for one in times(11)]

    # The pictures at 0, 0.08 (for 0.1), 0.2, 0.28 (for 0.3) and 0.4 s.
    assert [k for k, is_taken in enumerate(taken) if is_taken] == [0, 2, 5, 7, 10]


def test_nothing_is_repeated_over_a_gap() -> None:
    chooser = StepChooser(fps=10.0, gap_s=2.5)
    chooser.push(0.0, usual_s=0.04)

    chosen = chooser.push(3.0, usual_s=0.04)

    assert (chosen.again, chosen.now, chosen.gap_from_s) == ([], [3.0], 0.0)
    assert chooser.push(3.1, usual_s=0.04).now == [3.1]


@pytest.mark.parametrize(
    ("rate", "is_refused"), [(60, False), (100, False), (200, True)]
)
def test_too_many_pictures_are_refused(rate: int, is_refused: bool) -> None:
    limit = RateLimit(120.0)

    def send() -> None:
        for time_s in times(3 * rate, step=1 / rate):
            limit.push(time_s)

    if is_refused:
        with pytest.raises(VideoLimitExceeded, match="200 frames/s"):
            send()
    else:
        send()


def test_a_source_that_falls_to_one_picture_a_second_is_no_jump() -> None:
    clock = LiveClock()
    raw_s = [k / 25 for k in range(50)] + [3.0 + k for k in range(6)]
    # A picture of MPEG-TS is whole where the next one begins; the encoder takes longer.
    came_s = [*raw_s[1:50], *(one + 0.1 for one in raw_s[50:]), raw_s[-1] + 1.1]

    given = [clock.push(raw, at) for raw, at in zip(raw_s, came_s, strict=True)]

    assert [one.jumped_from_s for one in given] == [None] * len(given)
    assert [one.time_s for one in given] == pytest.approx(raw_s)
