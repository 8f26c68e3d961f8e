"""Spots while a match is played: pictures in, what changes out, step by step.

A spot is *provisional* once its score has passed its highest, *final* once nothing to
come can change it, or *retracted* when a later one takes its place.
"""

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np

from model.checkpoint.archive import Checkpoint
from model.checkpoint.library import live_names
from model.checkpoint.manifest import Manifest
from model.engines.choose import choose_stream
from model.engines.runtime import Frames, StreamRuntime
from model.errors import UnsupportedCheckpoint
from model.spotting.session import timeline_of
from model.spotting.spots import Spot, SpotKey, SpotStream
from model.spotting.streamed import StreamScorer
from model.spotting.windows import Rows, count_rows

Kind = Literal["provisional", "final", "retracted"]

# Times are kept in whole milliseconds where a file has frames: an event that lies
# between two steps is placed by them.
TICKS_A_SECOND = 1000


@dataclass(frozen=True, slots=True)
class LiveChange:
    """What has become of a spot.

    Attributes:
        kind: see the module.
        id: of the spot inside its spotter, the same for all its changes.
        label: name of the class.
        media_s: when, in the seconds that were pushed with the pictures.
        score: belief, in [0, 1].
        team: name of the side that did it; None where the network does not tell.
    """

    kind: Kind
    id: int
    label: str
    media_s: float
    score: float
    team: str | None


class LiveSpotter:
    """One live stream on a causal checkpoint, in constant memory.

    The final spots are those of the same network over the whole stretch at once, with
    the same NMS. A spotter takes its engine for itself.

    Attributes:
        manifest: of the checkpoint.
        look_ahead_s: how much video after an event the network waits for. A spot is
            told one step later still, for its score must have passed its highest.
        fps: steps a second that it should be given.
        frame_spec: size and rate of the pictures.
        engine: name and precision of the engine.
    """

    def __init__(
        self,
        manifest: Manifest,
        runtime: StreamRuntime,
        *,
        min_score: float | None = None,
    ) -> None:
        """Begin a stream.

        Args:
            manifest: of a checkpoint whose network is causal.
            runtime: the network on an engine.
            min_score: takes the place of the checkpoint's thresholds, in [0, 1].

        Raises:
            UnsupportedCheckpoint: the network is not causal.
        """
        if manifest.look_ahead_s is None:
            raise _not_live(manifest, None)
        self.manifest = manifest
        self.look_ahead_s: float = manifest.look_ahead_s
        self.frame_spec = manifest.frame_spec
        self.fps = manifest.frame_spec.fps
        self.engine = runtime.name
        self._runtime, self._min_score = runtime, min_score
        self._next_id = 1
        self._is_closed = False
        self._last_s = -np.inf
        self._begin()

    @classmethod
    def load(
        cls,
        checkpoint_path: Path,
        *,
        engine: str = "auto",
        precision: str = "auto",
        threads: int | None = 1,
        min_score: float | None = None,
        user_dir: Path | None = None,
    ) -> Self:
        """Load a checkpoint and begin a stream.

        Args:
            checkpoint_path: a `.touchline` file.
            engine: `openvino`, `torch-cpu`, or `auto`.
            precision: of the engine.
            threads: how many CPU threads it may use; its own choice if None. One is
                enough, and on a busy machine it never waits for another.
            min_score: see `__init__`.
            user_dir: the folder of the user's checkpoints, for the message only.

        Raises:
            UnsupportedCheckpoint: the network is not causal; the message names those
                of the library that are.
            BadCheckpoint: the file is damaged.
            EngineUnavailable: the engine or the exported form is missing.
        """
        checkpoint = Checkpoint.open(checkpoint_path)
        if checkpoint.manifest.look_ahead_s is None:
            raise _not_live(checkpoint.manifest, user_dir)
        runtime = choose_stream(
            checkpoint, engine=engine, precision=precision, threads=threads
        )
        return cls(checkpoint.manifest, runtime, min_score=min_score)

    def push(self, picture: Frames, media_s: float) -> list[LiveChange]:
        """Take the next picture.

        Args:
            picture: (H, W, 3) RGB, uint8, as `frame_spec` cuts it; it may be reused
                once this returns.
            media_s: when it is shown; rising, about 1 / `fps` apart.

        Returns:
            What changed, in the order in which it is to be told.

        Raises:
            ValueError: the spotter is closed, the time does not rise, or the picture
                has another size.
            EngineError: the engine failed, or gave scores that are NaN or infinite.
        """
        self._check(picture, media_s)
        self._last_s = media_s
        ticks = round(media_s * TICKS_A_SECOND)
        self._times.append((media_s, ticks, ticks))
        return self._take(self._scorer.push(picture))

    def gap(self) -> list[LiveChange]:
        """Take note that pictures are missing here: the network's state starts anew.

        What is provisional is decided by what has been seen. Times go on to rise.

        Returns:
            What changed; errors as of `push`.
        """
        changes = self._take(self._scorer.close())
        for key, spot in self._spots.close_keyed():
            changes.append(self._final(key, spot))
        changes += [self._retracted(key) for key in list(self._shown)]
        self._begin()
        return changes

    def close(self) -> list[LiveChange]:
        """End the stream and decide what is provisional; closed, it does nothing."""
        if self._is_closed:
            return []
        changes = self.gap()
        self._is_closed = True
        return changes

    def _begin(self) -> None:
        options = self.manifest.spotting
        self._scorer = StreamScorer(self._runtime)
        self._spots = SpotStream(
            self.manifest.labels,
            options,
            min_score=self._min_score,
            sides=self.manifest.sides,
        )
        self._times: deque[tuple[float, int, int]] = deque()
        self._rows = 0
        self._shown: dict[SpotKey, LiveChange] = {}

    def _check(self, picture: Frames, media_s: float) -> None:
        if self._is_closed:
            raise ValueError("the spotter is closed: make another one")
        if not (np.isfinite(media_s) and media_s > self._last_s):
            raise ValueError(
                f"media_s must rise, got {media_s} after {self._last_s}; call gap() "
                "where the source jumps, and keep to one clock"
            )
        spec = self.frame_spec
        size = (spec.out_height, spec.out_width, 3)
        if picture.shape != size or picture.dtype != np.uint8:
            raise ValueError(
                f"a picture must be uint8 of {size}, got {picture.dtype} of "
                f"{picture.shape}"
            )

    def _take(self, rows: Rows) -> list[LiveChange]:
        """Take the outputs of the next steps."""
        count = count_rows(rows)
        if not count:
            return []
        times = [self._times.popleft() for _ in range(count)]
        self._rows += count
        part = timeline_of(self.manifest, rows, times)
        changes = [self._final(key, spot) for key, spot in self._spots.push_keyed(part)]
        return changes + self._compare(self._spots.pending())

    def _compare(self, pending: dict[SpotKey, Spot]) -> list[LiveChange]:
        """Tell what would be left now from what was told before.

        The last step is no peak yet: the next one may be higher.
        """
        gone = [self._retracted(key) for key in list(self._shown) if key not in pending]
        new = [
            self._provisional(key, spot)
            for key, spot in pending.items()
            if key not in self._shown and key[1] < self._rows - 1
        ]
        return gone + new

    def _provisional(self, key: SpotKey, spot: Spot) -> LiveChange:
        change = self._change("provisional", self._next_id, spot)
        self._next_id += 1
        self._shown[key] = change
        return change

    def _final(self, key: SpotKey, spot: Spot) -> LiveChange:
        shown = self._shown.pop(key, None)
        if shown is None:
            self._next_id += 1
            return self._change("final", self._next_id - 1, spot)
        return self._change("final", shown.id, spot)

    def _retracted(self, key: SpotKey) -> LiveChange:
        told = self._shown.pop(key)
        return LiveChange(
            "retracted", told.id, told.label, told.media_s, told.score, told.team
        )

    @staticmethod
    def _change(kind: Kind, number: int, spot: Spot) -> LiveChange:
        return LiveChange(kind, number, spot.label, spot.time_s, spot.score, spot.team)


def _not_live(manifest: Manifest, user_dir: Path | None) -> UnsupportedCheckpoint:
    known = ", ".join(live_names(user_dir)) or "none"
    return UnsupportedCheckpoint(
        f"{manifest.name} cannot run live: its network waits for all that comes after. "
        f"Live models here: {known}"
    )
