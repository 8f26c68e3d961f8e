"""Temporal NMS of one label, on candidates as they come. NumPy only.

One implementation for both kinds, for whole timelines and for streams: what it gives
does not depend on how the candidates came, to the bit.
"""

import copy
import heapq

import numpy as np
import numpy.typing as npt

from model.checkpoint.spotting_options import LabelOptions

# Times are sums of floats: a neighbour at the very end of the window is inside.
EDGE_S = 1e-6

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_OPEN, _KEPT, _DROPPED, _UNDECIDED = range(4)


class TemporalNms:
    """Keeps the best candidate of each neighbourhood.

    Greedy: the highest score stays, its neighbours go, and so on down; a dropped
    candidate drops nobody. Soft: the neighbours stay, but their scores are multiplied
    by (distance / window)^2. At equal scores the earlier candidate comes first, at
    equal times the one with the lower id.

    A candidate is decided once all candidates within its window are known and those
    among them that come before it are decided.

    Source: greedy NMS as in T-DEED (arXiv:2404.05392), util/eval.py. E2E-Spot's own is
    not greedy: there a dropped spot still drops its neighbours. Soft-NMS
    (arXiv:1704.04503) with the quadratic decay of T-DEED.
    """

    def __init__(self, options: LabelOptions) -> None:
        self._options = options
        self._times = np.zeros(0, dtype=np.float64)
        self._scores = np.zeros(0, dtype=np.float64)
        self._ids = np.zeros(0, dtype=np.int64)
        self._kept = np.zeros(0, dtype=np.bool_)  # Still there for their neighbours.

    def push(self, times: FloatArray, scores: FloatArray, ids: IntArray) -> None:
        """Take candidates, (n,) each, in any order; scores reach the threshold."""
        times = np.concatenate((self._times, times))
        ids = np.concatenate((self._ids, ids))
        order = np.lexsort((ids, times))
        self._times, self._ids = times[order], ids[order]
        self._scores = np.concatenate((self._scores, scores))[order]
        kept = np.concatenate((self._kept, np.zeros(len(scores), dtype=np.bool_)))
        self._kept = kept[order]

    def fork(self) -> "TemporalNms":
        """Give another one that stands where this one does, to try things on."""
        other = copy.copy(self)
        other._scores = self._scores.copy()  # The only one that is changed in place.
        return other

    def settle(self, horizon_s: float) -> tuple[IntArray, FloatArray]:
        """Decide what can be decided.

        Args:
            horizon_s: no candidate to come lies before this time; infinity once all
                of them are there.

        Returns:
            Ids and scores (n,) of the candidates that are now known to stay.
        """
        if self._kept.all():
            self._forget(np.full(len(self._kept), _KEPT))
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        first, end = _reach(self._times, self._options.window_s)
        is_known = self._times + self._options.window_s + EDGE_S < horizon_s
        before = self._kept.copy()
        run = self._greedy if self._options.nms == "greedy" else self._soft
        status, scores = run(first, end, is_known)
        new = np.flatnonzero((status == _KEPT) & ~before)
        found = self._ids[new], scores[new]
        self._forget(status)
        return found

    @property
    def earliest_s(self) -> float:
        """When the earliest candidate is that is not decided; infinity without one."""
        return float(self._times[~self._kept].min(initial=np.inf))

    @property
    def first_id(self) -> int:
        """The lowest id that is not decided; without one, the highest there can be."""
        top = np.iinfo(np.int64).max
        return int(self._ids[~self._kept].min(initial=top))

    def _greedy(
        self, first: IntArray, end: IntArray, is_known: npt.NDArray[np.bool_]
    ) -> tuple[IntArray, FloatArray]:
        status = np.where(self._kept, _KEPT, _OPEN)
        for index in np.argsort(-self._scores, kind="stable").tolist():
            if status[index] != _OPEN:
                continue
            near = status[first[index] : end[index]]
            if not is_known[index] or (near == _UNDECIDED).any():
                status[index] = _UNDECIDED
            else:
                near[near == _OPEN] = _DROPPED
                status[index] = _KEPT
        return status, self._scores

    def _soft(
        self, first: IntArray, end: IntArray, is_known: npt.NDArray[np.bool_]
    ) -> tuple[IntArray, FloatArray]:
        status = np.where(self._kept, _KEPT, _OPEN)
        current = self._scores.copy()
        threshold = self._options.threshold
        if self._kept.any():
            self._lower(current, status, slice(0, len(status)), first, end)
        # Scores only fall, so an entry that has gone stale is put back when it is met.
        heap = [
            (-score, index)
            for index, score in enumerate(current.tolist())
            if status[index] == _OPEN
        ]
        heapq.heapify(heap)
        while heap:
            listed, index = heapq.heappop(heap)
            score = float(current[index])
            near = slice(int(first[index]), int(end[index]))
            if score < threshold:
                status[index] = _DROPPED
            elif score < -listed:
                heapq.heappush(heap, (-score, index))
            elif not is_known[index] or (status[near] == _UNDECIDED).any():
                status[index] = _UNDECIDED
            else:
                status[index] = _KEPT
                self._scores[index] = score
                self._lower(current, status, near, first, end)
        return status, current

    def _lower(
        self,
        current: FloatArray,
        status: IntArray,
        near: slice,
        first: IntArray,
        end: IntArray,
    ) -> None:
        """Lower the scores of a stretch by all kept candidates around it.

        In the order of time, whatever the order in which they were kept: a product of
        floats depends on the order of its factors.
        """
        times = self._times[near]
        window_s = max(self._options.window_s, EDGE_S)
        lowered = self._scores[near].copy()
        around = slice(int(first[near.start]), int(end[near.stop - 1]))
        for index in (around.start + np.flatnonzero(status[around] == _KEPT)).tolist():
            distance = np.abs(times - self._times[index])
            lowered *= np.minimum((distance / window_s) ** 2, 1.0)
        is_open = status[near] != _KEPT
        current[near][is_open] = lowered[is_open]

    def _forget(self, status: IntArray) -> None:
        """Drop what is decided and near nothing that is not."""
        is_kept = status == _KEPT
        is_left = (status == _UNDECIDED) | (status == _OPEN)
        reach_s = self._options.window_s + EDGE_S
        open_at = self._times[is_left]
        index = np.searchsorted(open_at, self._times - reach_s, side="left")
        bounded = np.append(open_at, np.inf)
        is_near = bounded[index] <= self._times + reach_s
        left = is_left | (is_kept & is_near)
        self._times, self._ids = self._times[left], self._ids[left]
        self._scores, self._kept = self._scores[left], is_kept[left]


def _reach(times: FloatArray, window_s: float) -> tuple[IntArray, IntArray]:
    """Give the range of each candidate's neighbours, itself among them."""
    first = np.searchsorted(times, times - window_s - EDGE_S, side="left")
    end = np.searchsorted(times, times + window_s + EDGE_S, side="right")
    return first, end
