"""How far a run is, in one line of a terminal or a notebook."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from model.spotting.spot_file import Progress

REPORT_EVERY_S = 0.2


@contextmanager
def progress_line(
    name: str, *, is_shown: bool
) -> "Iterator[Callable[[Progress], None]]":
    """Give a function that shows progress on standard error, over what it showed.

    Nothing is shown where standard error is a file or a pipe.
    """
    stream = sys.stderr
    if not (is_shown and (stream.isatty() or "ipykernel" in sys.modules)):
        yield lambda _: None
        return
    width, shown_at = 0, -REPORT_EVERY_S

    def show(progress: "Progress") -> None:
        nonlocal width, shown_at
        now = monotonic()
        if now - shown_at < REPORT_EVERY_S and progress.done < 1:
            return
        shown_at = now
        line = f"{name}: {_told(progress)}"
        stream.write(f"\r{line:<{width}}")
        stream.flush()
        width = len(line)

    try:
        yield show
    finally:
        stream.write("\n" if width else "")
        stream.flush()


def _told(progress: "Progress") -> str:
    if progress.stage == "probe":
        return "reading"
    if not progress.done:
        return f"{_clock(progress.time_s)} done"
    left = "" if progress.eta_s is None else f", {_clock(progress.eta_s)} left"
    return f"{progress.done:4.0%}{left}"


def _clock(time_s: float) -> str:
    minutes, seconds = divmod(round(time_s), 60)
    return f"{minutes}:{seconds:02d}"
