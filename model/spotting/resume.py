"""What a run leaves behind while it goes on, so that the next one need not begin anew.

A run saves part after part: the scores since the part before, and what the network
remembers at that moment. All parts together are a `SavedRun`. NumPy only.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from model.spotting.inference import ScorerState
from model.spotting.timeline import Timeline, join_timelines
from model.video.frame_times import UNREADABLE

_FACTS, _TIMELINE, _MEMORY = "facts", "timeline", "memory_"


@dataclass(frozen=True, slots=True)
class SavedPart:
    """Some of a run.

    Attributes:
        state: where the run stood.
        timeline: the steps that became final since the part before.
        first: the first of them; 0 for the first part of a run.
        done: share of the video's time that was done, 0 to 1.
    """

    state: ScorerState
    timeline: Timeline
    first: int
    done: float

    def to_bytes(self, facts: Mapping[str, object]) -> bytes:
        """Return the part as `.npz` without pickles, with facts that JSON can hold."""
        noted = {
            "steps": self.state.steps,
            "images_from": self.state.images_from,
            "first": self.first,
            "done": self.done,
            "facts": dict(facts),
        }
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {
            _FACTS: np.array(json.dumps(noted)),
            _TIMELINE: np.frombuffer(self.timeline.to_bytes(), np.uint8),
        }
        arrays |= {_MEMORY + name: a for name, a in self.state.memory.items()}
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> tuple[Self, dict[str, object]]:
        """Read what `to_bytes` wrote: the part, and the facts.

        Raises:
            ValueError: the bytes are something else, or damaged.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                noted = json.loads(str(arrays[_FACTS]))
                state = ScorerState(
                    int(noted["steps"]),
                    int(noted["images_from"]),
                    {
                        name.removeprefix(_MEMORY): arrays[name]
                        for name in arrays.files
                        if name.startswith(_MEMORY)
                    },
                )
                timeline = Timeline.from_bytes(arrays[_TIMELINE].tobytes())
                first, done = int(noted["first"]), float(noted["done"])
                return cls(state, timeline, first, done), dict(noted["facts"])
        except UNREADABLE as exc:
            raise ValueError(f"not a part of a run: {exc}") from exc


@dataclass(frozen=True, slots=True)
class SavedRun:
    """All that a run left: where it stood last, and the timeline until then."""

    state: ScorerState
    timeline: Timeline
    done: float

    @classmethod
    def of(cls, parts: Sequence[SavedPart]) -> Self:
        """Put parts together, in their order.

        Raises:
            ValueError: one is missing, or there is none.
        """
        rows = 0
        for part in parts:
            if part.first != rows:
                raise ValueError(f"the part that begins at step {rows} is missing")
            rows += len(part.timeline)
        if not rows:
            raise ValueError("there is no part")
        last = parts[-1]
        timeline = join_timelines([part.timeline for part in parts])
        return cls(last.state, timeline, last.done)


@dataclass(frozen=True, slots=True)
class Saving:
    """How a run is saved.

    Attributes:
        save: takes each part and says whether it is kept; if not, the next one has its
            steps, too. What it raises ends the run.
        earlier: what an earlier run of the same video, checkpoint, engine and windows
            left, to go on from.
        every_s: seconds of video from one part to the next.
    """

    save: Callable[[SavedPart], bool]
    earlier: SavedRun | None = None
    every_s: float = 60.0
