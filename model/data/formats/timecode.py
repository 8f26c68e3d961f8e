"""Timecodes of SMPTE 12M, drop-frame where the rate is 29.97 or 59.94.

Drop-frame leaves numbers out, never frames: the first two (at 59.94 four) of every
minute but each tenth, so that the timecode follows the clock on the wall.
"""

import re

from model.data.formats.clock import Clock, exact_rate
from model.data.formats.events import NeedsOption
from model.errors import BadAnnotations, CannotWrite

_CODE = re.compile(r"(\d\d?):(\d\d):(\d\d)([:;.,])(\d\d\d?)")
_WHOLE = (24, 25, 30, 48, 50, 60, 100, 120)
_DROPPING = {30: 2, 60: 4, 120: 8}
DAY_S = 24 * 3600


def nominal_rate(fps: float) -> tuple[int, int]:
    """Give the frames that a second of timecode counts, and those dropped a minute.

    Raises:
        CannotWrite: timecodes have no such rate.
    """
    rate = exact_rate(fps)
    for whole in _WHOLE:
        if abs(rate - whole) < 1e-6:
            return whole, 0
        if abs(rate - whole * 1000 / 1001) < 1e-6:
            return whole, _DROPPING.get(whole, 0)
    raise CannotWrite(
        f"there is no timecode at {fps:g} frames a second; there is at 23.976, 24, 25, "
        "29.97, 30, 50, 59.94 and 60"
    )


def has_drop_frame(fps: float) -> bool:
    """Whether timecodes of a rate may be drop-frame."""
    try:
        return nominal_rate(fps)[1] > 0
    except CannotWrite:
        return False


def format_timecode(frame: int, fps: float) -> str:
    """Write a frame as `hh:mm:ss:ff`, drop-frame as `hh:mm:ss;ff`.

    Raises:
        CannotWrite: no such rate, or beyond 24 hours.
    """
    nominal, dropped = nominal_rate(fps)
    number = frame
    if dropped:
        per_minute = nominal * 60 - dropped
        per_ten = per_minute * 10 + dropped
        tens, rest = divmod(frame, per_ten)
        number += 9 * dropped * tens
        if rest >= nominal * 60:
            number += dropped * (1 + (rest - nominal * 60) // per_minute)
    seconds, part = divmod(number, nominal)
    if seconds >= DAY_S:
        raise CannotWrite("a timecode ends at 24 hours")
    mark = ";" if dropped else ":"
    minutes, second = divmod(seconds, 60)
    width = len(str(nominal - 1))
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}{mark}{part:0{width}d}"


def parse_timecode(code: str, fps: float) -> int:
    """Read a timecode as a frame; `;` before the frames makes it drop-frame.

    Raises:
        ValueError: it is none at this rate; the message says why.
        BadAnnotations: there is no timecode at this rate.
    """
    match = _CODE.fullmatch(code.strip())
    if match is None:
        raise ValueError(f"is no timecode hh:mm:ss:ff: {code!r}")
    hours, minutes, seconds, part = (int(match[group]) for group in (1, 2, 3, 5))
    try:
        nominal, dropped = nominal_rate(fps)
    except CannotWrite as exc:
        raise BadAnnotations(f"has timecodes, but {exc}") from exc
    if minutes > 59 or seconds > 59 or part >= nominal:
        raise ValueError(f"is no timecode at {fps:g} frames a second: {code!r}")
    frame = ((hours * 60 + minutes) * 60 + seconds) * nominal + part
    if match[4] not in ";,":
        return frame
    if not dropped:
        raise ValueError(f"is drop-frame, which there is not at {fps:g}: {code!r}")
    if part < dropped and seconds == 0 and minutes % 10:
        raise ValueError(f"names a frame that drop-frame leaves out: {code!r}")
    total = hours * 60 + minutes
    return frame - dropped * (total - total // 10)


def rate_of(clock: Clock | None) -> float:
    """Give the frames a second that timecodes count.

    Raises:
        NeedsOption: it is not known.
    """
    if clock is None:
        raise NeedsOption(
            "fps", "timecodes count frames: say the video's frames per second"
        )
    return clock.fps
