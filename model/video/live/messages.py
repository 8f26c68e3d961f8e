"""What the decoding process says of a live stream; it is not trusted."""

from collections.abc import Mapping
from typing import Any, get_args

from model.video.live.settings import GapReason, LiveGap, SourceFacts

LATEST_S = 1e9
"""No stream lasts longer; in seconds."""


def gap_of(message: Mapping[str, Any]) -> LiveGap:
    """Read a gap.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    reason: GapReason = message["reason"]
    if reason not in get_args(GapReason):
        raise ValueError(f"{reason} is no reason")
    from_s, to_s = float(message["from_s"]), float(message["to_s"])
    if not 0 <= from_s <= to_s < LATEST_S:
        raise ValueError(f"a gap from {from_s} to {to_s} s")
    return LiveGap(from_s, to_s, reason)


def facts_of(message: Mapping[str, Any]) -> SourceFacts:
    """Read a source's facts.

    Raises:
        KeyError, TypeError, ValueError: they are none.
    """
    sound = message["sound"]
    return SourceFacts(
        width=int(message["width"]),
        height=int(message["height"]),
        fps=float(message["fps"]),
        codec=str(message["codec"]),
        format=str(message["format"]),
        sound=None if sound is None else str(sound),
        is_copied=bool(message["is_copied"]),
    )
