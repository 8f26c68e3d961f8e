"""Where an event lies that a step tells of: the step's own time, moved. NumPy only."""

import numpy as np
import numpy.typing as npt

from model.spotting.timeline import Timeline

# No event is told of from further away, whatever the network answers: a spot is final
# once so many more steps are known.
MAX_MOVE_STEPS = 16

IntArray = npt.NDArray[np.int64]


def moved(
    steps: Timeline, low: int, high: int
) -> tuple[npt.NDArray[np.float64], IntArray, IntArray]:
    """Give time, source frame and PTS of the events that the rows low to high tell of.

    An event lies `displacement` steps after its step, on the nearest frame of the
    source. A frame that is a step itself has its true time and PTS; between two steps
    they are interpolated. Nothing is moved out of the timeline.

    Args:
        steps: with the output `displacement`, (T, 1) or (T,), in steps; around the
            rows, as far as there are, `MAX_MOVE_STEPS` more to each side.
        low: first row.
        high: the row behind the last one.

    Returns:
        time_s, frame and pts, (high - low,) each.
    """
    offset = steps.outputs["displacement"].reshape(len(steps))[low:high]
    offset = offset.astype(np.float64).clip(-MAX_MOVE_STEPS, MAX_MOVE_STEPS)
    # Counted from the row itself: a sum with the row's number would round otherwise
    # in another part of the same timeline.
    whole = np.floor(offset)
    share = offset - whole
    before = np.arange(low, high) + whole.astype(np.int64)
    last = len(steps) - 1
    share[(before < 0) | (before >= last)] = 0.0
    before = before.clip(0, last)
    after = np.minimum(before + 1, last)
    steps_apart = steps.frame[after] - steps.frame[before]
    # The nearest frame; half-way the earlier one.
    frames_on = np.ceil(share * steps_apart - 0.5).astype(np.int64).clip(0)
    share = frames_on / np.maximum(steps_apart, 1)
    time_s = _between(steps.time_s, before, after, share)
    pts = np.rint(_between(steps.pts, before, after, share)).astype(np.int64)
    return time_s, steps.frame[before] + frames_on, pts


def _between(
    values: npt.NDArray[np.float64] | IntArray,
    before: IntArray,
    after: IntArray,
    share: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Interpolate; at a share of 0 or 1 the value itself."""
    low, high = values[before], values[after]
    between = low + share * (high - low)
    return np.asarray(np.where(share >= 1, high, between), dtype=np.float64)
