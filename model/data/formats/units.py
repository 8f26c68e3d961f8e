"""Times in another unit than the file says: told by where they lie in the video."""

from collections.abc import Callable, Sequence

from model.data.formats.events import NeedsOption, ReadEvent
from model.data.formats.moments import EDGE_S
from model.data.formats.text import TimeFormat
from model.errors import BadAnnotations

LONGEST_S = 12 * 3600.0  # of a video whose length is not known
# So many numbers, all whole, are not another video's seconds by chance.
ENOUGH_NUMBERS = 3
NUMBERS: dict[TimeFormat, str] = {"ms": "milliseconds", "frames": "frame numbers"}
PARTS: dict[TimeFormat, str] = {"mm:ss:ff": "minutes, seconds and frames"}


def check_unit(
    events: Sequence[ReadEvent],
    fits: Callable[[TimeFormat], bool] | None,
    *,
    offset_s: float,
    duration_s: float | None,
) -> None:
    """Ask what times are, where most lie beyond the video and in another unit do not.

    Args:
        events: as read, in seconds.
        fits: whether the events lie in the video if times are of that form; None: the
            format has one unit only.
        offset_s: is added to all times.
        duration_s: of the video; None if unknown.

    Raises:
        NeedsOption: the user can tell the unit.
        BadAnnotations: times are a thousand times too large, in a format of one unit.
    """
    until_s = LONGEST_S if duration_s is None else duration_s
    times = [one.time_s for one in events if one.time_s is not None]
    late = [time_s for time_s in times if time_s + offset_s > until_s + EDGE_S]
    if 2 * len(late) <= len(times):
        return
    are_whole = len(late) >= ENOUGH_NUMBERS and all(one.is_integer() for one in late)
    length = "12 hours and more"
    if duration_s is not None:
        length = f"it lasts {duration_s:.3f} s"
    where = (
        f"has {len(late)} of {len(times)} events beyond the end of the video (the last "
        f"at {max(late):g} s; {length})"
    )
    if fits is None:
        if are_whole and max(late) / 1000 + offset_s <= until_s + EDGE_S:
            raise BadAnnotations(
                f"{where}: looks like milliseconds where the format has seconds, or "
                "one unit in a thousand of what it has. Correct the file."
            )
        return
    units = {**(NUMBERS if are_whole else {}), **PARTS}
    found = {form: text for form, text in units.items() if fits(form)}
    if found:
        as_read: TimeFormat = "s" if found.keys() & NUMBERS.keys() else "hh:mm:ss"
        raise NeedsOption(
            "time_format",
            f"{where}: looks like {' or '.join(found.values())}. Say what times are",
            (*found, as_read),
        )
