"""The events of a stream as their rows have them: what a spotter says, numbered."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.live.items import Change
from app.timelines.tables import Event
from worker.live_streams.parts import SpotChange


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment that is known by all clocks.

    Attributes:
        media_s: in seconds of the stream.
        wall: UTC.
        decoded_at: UTC, when its picture was decoded.
    """

    media_s: float
    wall: datetime
    decoded_at: datetime

    def wall_at(self, media_s: float) -> datetime:
        """Tell the wall clock's time of a moment near this one."""
        return self.wall + timedelta(seconds=media_s - self.media_s)


class EventBook:
    """Knows the row of each spot, and what stands now."""

    def __init__(self, *, fps: float, next_seq: int, counts: dict[str, int]) -> None:
        """Begin, or go on.

        Args:
            fps: pictures a second of the source, by which frames are counted.
            next_seq: the number of the next row.
            counts: events by type that stand.
        """
        self.fps = fps
        self._next_seq = next_seq
        self._counts = Counter(counts)
        self._open: dict[int, Change] = {}  # provisional ones, by the spotter's id

    @property
    def counts(self) -> dict[str, int]:
        """Events by type that stand now."""
        return {label: count for label, count in self._counts.items() if count > 0}

    def take(
        self, said: Iterable[SpotChange], *, offset_s: float, now: Moment
    ) -> list[Change]:
        """Make the changes of rows that a spotter's words amount to.

        Args:
            offset_s: what is added to the spotter's times.
            now: of the latest picture.
        """
        return [change for one in said for change in self._of(one, offset_s, now)]

    def settle(self, rows: Sequence[Event], *, now: Moment) -> list[Change]:
        """Decide what an earlier run left provisional: nothing more will be said."""
        return [
            Change(
                kind="final",
                seq=row.seq,
                label=row.label,
                time_ms=row.time_ms,
                frame=row.frame,
                score=row.score,
                team=row.team,
                wall=now.wall_at(row.time_ms / 1000),
                decoded_at=now.decoded_at,
            )
            for row in rows
        ]

    def _of(self, one: SpotChange, offset_s: float, now: Moment) -> Iterator[Change]:
        known = self._open.pop(one.id, None)
        if one.kind == "retracted":
            if known is not None:
                self._counts[known.label] -= 1
                yield replace(known, kind="retracted", decoded_at=now.decoded_at)
            return
        media_s = max(0.0, one.media_s + offset_s)
        change = Change(
            kind=one.kind,
            seq=self._next_seq if known is None else known.seq,
            label=one.label,
            time_ms=round(media_s * 1000),
            frame=round(media_s * self.fps),
            score=float(one.score),
            team=one.team,
            wall=now.wall_at(media_s),
            decoded_at=now.decoded_at,
        )
        if known is None:
            self._next_seq += 1
            self._counts[change.label] += 1
        elif (known.label, known.frame) != (change.label, change.frame):
            self._counts[known.label] -= 1
            self._counts[change.label] += 1
            yield replace(known, kind="retracted", decoded_at=now.decoded_at)
            change = replace(change, replaces=known.frame)
        if change.kind == "provisional":
            self._open[one.id] = change
        yield change
