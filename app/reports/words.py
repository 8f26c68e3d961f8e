"""Times and figures as people read them."""

from collections.abc import Sequence

from app.statistics.play import Half, half_at


def clock(time_s: float) -> str:
    """Write a time of the video: 1:02:03, or 2:03 under an hour."""
    whole = round(max(0.0, time_s))
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"


def match_clock(time_s: float, halves: Sequence[Half]) -> str | None:
    """Write what the match clock shows; None: there is none then."""
    half = half_at(halves, time_s)
    if half is None or half.clock_start_s is None:
        return None
    shown_s = half.clock_start_s + time_s - half.start_s
    return f"{int(shown_s // 60)}:{int(shown_s % 60):02}"


def figure(value: float | None, places: int = 1) -> str:
    """Write a figure; whole ones without places."""
    if value is None:
        return "–"
    if value == int(value):
        return str(int(value))
    return f"{value:.{places}f}"


def half_name(half: int | None, count: int) -> str:
    """Name a half of so many."""
    if half is None:
        return "Outside the halves" if count else "Whole video"
    if count == 2:
        return "1st half" if half == 1 else "2nd half"
    return "The half" if count == 1 else f"Period {half}"


def counted(count: int, noun: str) -> str:
    """Say how many: `1 event`, `2 events`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
