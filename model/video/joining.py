"""Joins files into one video: by copying where they are alike, else by encoding."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from model.errors import DecoderCrashed, ModelError, PartsDiffer, VideoLimitExceeded
from model.video.clips import Source, cut_together_in_child
from model.video.cuts import MAX_SIDE, Cut
from model.video.faststart import with_index_first
from model.video.frame_times import FrameTimes
from model.video.join_rules import UNASKED_S
from model.video.joins import (
    Joined,
    JoinedPart,
    PartFile,
    ProbedPart,
    copy_in_child,
)
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.probe import probe_in_child
from model.video.timing import time_frames_in_child

_TIMED = 0.2  # of encoding, what it takes to find when frames are shown


@dataclass(slots=True)
class Joining:
    """One video to be made of files.

    Attributes:
        parts: in their order.
        encode: whether parts that differ may be encoded anew; None: if they are not
            longer than `UNASKED_S` together.
        limits: what is allowed, of the result, too.
        on_progress: called now and then with the stage (`join`, `encode`) and how much
            of it is done, 0 to 1; may raise to stop.
        on_wait: called a few times a second while waiting; may raise to stop.
    """

    parts: Sequence[PartFile]
    encode: bool | None = None
    limits: MediaLimits = DEFAULT_LIMITS
    on_progress: Callable[[str, float], None] = lambda _stage, _done: None
    on_wait: Callable[[], None] | None = None
    _looked: Sequence[ProbedPart] = field(default_factory=list)

    def write(self, target: int) -> Joined:
        """Write the video.

        Args:
            target: a descriptor that is open for reading and writing, of an empty
                file.

        Raises:
            PartsDiffer: the parts would have to be encoded, which was not asked for.
            ModelError: see `copy_in_child`.
        """
        total = sum(part.path.stat().st_size for part in self.parts) or 1
        self.on_progress("join", 0.0)
        try:
            return copy_in_child(
                self.parts,
                target,
                limits=self.limits,
                on_looked=self._note,
                on_bytes=lambda done: self.on_progress("join", min(done / total, 1.0)),
                on_wait=self.on_wait,
            )
        except PartsDiffer as exc:
            if self.encode is False:
                raise _not_asked(str(exc)) from exc
            length_s = self._length_s()
            if self.encode is None and length_s > UNASKED_S:
                raise _not_asked(str(exc)) from exc
            os.ftruncate(target, 0)
            return replace(self._encoded(target, length_s), why=str(exc))

    def warnings(self, joined: Joined) -> dict[str, str]:
        """Say what whoever asked should know of the result."""
        said = {}
        if joined.why is not None:
            said["encoded"] = (
                f"All pictures were encoded anew, since the parts differ: {joined.why}."
            )
        elif joined.sound == "encoded":
            said["sound_encoded"] = (
                "The sound was encoded anew: the parts differ in it, or MP4 does not "
                "take it."
            )
        order = self._wrong_order()
        if order is not None:
            said["order"] = order
        return said

    def _note(self, looked: Sequence[ProbedPart]) -> None:
        self._looked = looked

    def _length_s(self) -> float:
        """Tell how long the parts last together, as their headers say."""
        return sum(
            probe_in_child(
                part.path, limits=self.limits, on_wait=self.on_wait
            ).duration_s
            for part in self.parts
        )

    def _encoded(self, target: int, about_s: float) -> Joined:
        times = self._times(about_s)
        cuts = [Cut(0, len(one), source=number) for number, one in enumerate(times)]
        frames = sum(cut.frames for cut in cuts)

        def report(count: int) -> None:
            done = _TIMED + (1 - _TIMED) * min(count / frames, 1.0)
            self.on_progress("encode", done)

        made = cut_together_in_child(
            [
                Source(part.path, one)
                for part, one in zip(self.parts, times, strict=True)
            ],
            target,
            [cuts],
            size=_size_of(self._looked),
            limits=self.limits,
            on_frames=report,
            on_wait=self.on_wait,
        )
        return Joined(
            parts=tuple(_placed(times)),
            mode="encoded",
            sound="encoded" if made.has_sound else None,
            place=made.places[0],
        )

    def _times(self, about_s: float) -> list[FrameTimes]:
        """Find when all frames are shown.

        Args:
            about_s: how long all parts last, as far as is known.
        """
        times: list[FrameTimes] = []
        length_s = 0.0

        def report(time_s: float) -> None:
            done = (length_s + time_s) / about_s if about_s > 0 else 0.0
            self.on_progress("encode", _TIMED * min(done, 1.0))

        for part in self.parts:
            try:
                timed = time_frames_in_child(
                    part.path,
                    limits=self.limits,
                    on_time=report,
                    on_wait=self.on_wait,
                )
            except ModelError as exc:
                raise type(exc)(f"{part.name}: {exc}") from exc
            times.append(timed.frame_times)
            length_s += timed.frame_times.until_s
        if length_s > self.limits.max_duration_s:
            raise VideoLimitExceeded(
                f"The parts last {length_s:.0f} s together; at most "
                f"{self.limits.max_duration_s:.0f} s are allowed."
            )
        return times

    def _wrong_order(self) -> str | None:
        """Say that cameras recorded the parts in another order, if they did."""
        told = [
            (part.name, when)
            for part, one in zip(self.parts, self._looked, strict=False)
            if (when := _moment(one.recorded_at)) is not None
        ]
        for (name, when), (later, after) in pairwise(told):
            if after < when:
                return (
                    f"The parts may be in the wrong order: {later} follows {name}, but "
                    f"was recorded earlier ({after:%Y-%m-%d %H:%M:%S} and "
                    f"{when:%Y-%m-%d %H:%M:%S})."
                )
        return None


def pieces_of(joined: Joined, target: int) -> Iterator[bytes]:
    """Give the bytes of the file that was written, its index first.

    Raises:
        DecoderCrashed: it is no MP4.
    """
    start, end = joined.place
    try:
        yield from with_index_first(target, start=start, end=end)
    except ValueError as exc:
        raise DecoderCrashed("The decoding process wrote no valid MP4.") from exc


def _not_asked(why: str) -> PartsDiffer:
    return PartsDiffer(
        f"The parts cannot be joined as they are: {why}. Encoding them anew takes "
        "about as long as they last; ask for it with encode, or convert the parts "
        "alike first."
    )


def _placed(times: Sequence[FrameTimes]) -> Iterator[JoinedPart]:
    begin_s = 0.0
    for one in times:
        first_s = one.time_of(0)
        end_s = begin_s + one.until_s - first_s
        yield JoinedPart(begin_s, end_s, begin_s - first_s, len(one))
        begin_s = end_s


def _size_of(looked: Sequence[ProbedPart]) -> tuple[int, int]:
    """Choose the size of the largest part."""
    largest = max(looked, key=lambda one: one.width * one.height)
    scale = min(1.0, MAX_SIDE / max(largest.width, largest.height))
    width, height = largest.width * scale, largest.height * scale
    return max(2, round(width / 2) * 2), max(2, round(height / 2) * 2)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    # A camera whose clock was never set says 1904 or 1970.
    if found.year < 1990:
        return None
    return found.astimezone()
