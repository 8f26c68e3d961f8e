"""One teaching as it runs: its folder, its clock, what is done, who watches.

What is done is kept in `state.json`, replaced at once: a killed run knows it. A folder
that was begun with other data or options is begun anew, but for its frames.
"""

import errno
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from model.errors import TrainingFailed, TrainingPaused
from model.teaching.eta import Eta
from model.teaching.options import TeachOptions
from model.teaching.recipe import Recipe
from model.teaching.watch import TeachWatch
from model.training.files import write_at_once

FORMAT = "touchline-teaching"
STATE = "state.json"
FRAMES, FEATURES, FINETUNE = "frames", "features", "finetune"
NOTES = "notes"  # of stages, among the results

T = TypeVar("T")


@dataclass(slots=True)
class Run:
    """A teaching in progress.

    Attributes:
        folder: of its state.
        options: what to teach.
        recipe: how.
        watch: is told.
        results: what is done, as JSON values, by name.
        notes: what a person should know.
        spent_s: what earlier tries of it took.
        eta: tells when it may be done.
    """

    folder: Path
    options: TeachOptions
    recipe: Recipe
    watch: TeachWatch
    stamp: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    spent_s: float = 0.0
    eta: Eta = field(default_factory=Eta)
    _started: float = field(default_factory=time.monotonic)
    _saved: float = 0.0

    def begin(self, stamp: str) -> None:
        """Take up the folder's state, if it is of the same data and options."""
        self.stamp = stamp
        raw = _read_state(self.folder)
        if raw.get("stamp") == stamp:
            self.results = raw["results"]
            self.spent_s = raw["spent_s"]
            return
        self._forget()
        self.save()

    def keep_to(self, key: str, value: object) -> None:
        """Begin anew, but for the frames, if what all else is made of has changed.

        Args:
            key: names it.
            value: as JSON has it.
        """
        if self.results.get(key, value) != value:
            self._forget()
            self.results = {}
        self.once(key, lambda: value)

    def _forget(self) -> None:
        """Remove what was made of other data or options; nothing else of the folder."""
        for name in (FEATURES, FINETUNE):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        for path in self.folder.glob("*.pt"):
            path.unlink()

    def save(self) -> None:
        """Write the state."""
        raw = {
            "format": FORMAT,
            "stamp": self.stamp,
            "spent_s": self.used_s,
            "results": self.results,
        }
        write_at_once(self.folder / STATE, json.dumps(raw, indent=1).encode())
        self._saved = time.monotonic()

    def once(self, key: str, make: Callable[[], T]) -> T:
        """Give a result, made once: from plain JSON values."""
        if key not in self.results:
            self.results[key] = make()
            self.save()
        found: T = self.results[key]
        return found

    @property
    def used_s(self) -> float:
        """How long it has taken so far, in seconds."""
        return self.spent_s + time.monotonic() - self._started

    @property
    def left_s(self) -> float:
        """How much of its time is left."""
        return self.options.minutes * 60 - self.used_s

    def note(self, line: str) -> None:
        """Keep a note, and report it."""
        if line not in self.notes:
            self.notes.append(line)
            self.watch.report(f"note: {line}")

    def note_of_stage(self, line: str) -> None:
        """Keep a note of what is done once: a run that goes on says it again."""
        kept = self.results.setdefault(NOTES, [])
        if line not in kept:
            kept.append(line)
        self.note(line)

    @property
    def all_notes(self) -> tuple[str, ...]:
        """The notes, those of stages that an earlier run has done too."""
        return tuple(dict.fromkeys((*self.notes, *self.results.get(NOTES, ()))))

    def warn(self, code: str, line: str) -> None:
        """Keep a warning, which the finished training is shown with, and report it."""
        self.results.setdefault("warnings", {})[code] = line
        self.save()
        self.watch.report(f"warning: {line}")

    def at(self, stage: str, done: float) -> None:
        """Report progress; pause if that is wanted: all that is done is on disk.

        Raises:
            TrainingPaused: see `pause`.
        """
        self.progress(stage, done)
        self.look()

    def progress(self, stage: str, done: float) -> None:
        """Report progress, and save now and then how much time went by."""
        done = min(1.0, done)
        eta_s = self.eta.left_s(stage, done, used_s=self.used_s, budget_s=self.left_s)
        self.watch.progress(stage, done, eta_s)
        if self.stamp and time.monotonic() - self._saved > self.recipe.save_s:
            self.save()

    def look(self) -> None:
        """Pause if that is wanted, in the middle of what can be done again.

        Raises:
            TrainingPaused: see `pause`.
        """
        if self.watch.should_pause():
            self.pause()

    def pause(self) -> None:
        """End this try; the next one goes on.

        Raises:
            TrainingPaused: always.
        """
        if self.stamp:
            self.save()
        raise TrainingPaused("Paused as asked; its state is kept, call again to go on.")


def is_teaching(folder: Path) -> bool:
    """Whether a folder is that of a teaching."""
    return _read_state(folder).get("format") == FORMAT


def _read_state(folder: Path) -> dict[str, Any]:
    try:
        raw = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}


@contextmanager
def naming_a_full_disk(folder: Path) -> Iterator[None]:
    """Say what to do about a full disk.

    Raises:
        TrainingFailed: the disk is full.
    """
    try:
        yield
    except OSError as exc:
        if not is_full(exc):
            raise
        raise TrainingFailed(
            f"The disk of {folder} is full: what is done is kept there. Free some room "
            "and start the same again, which goes on from there."
        ) from exc


def is_full(exc: Exception) -> bool:
    """Whether an error says that a disk is full."""
    return isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT)


def curve_values(scores: Mapping[str, float]) -> dict[str, float]:
    """Give a validation's values as a curve has them: AP by type, and `mean`."""
    found = {
        name.removeprefix("AP/"): round(value, 4)
        for name, value in scores.items()
        if name.startswith("AP/")
    }
    return {**found, "mean": round(scores.get("mAP", 0.0), 4)}
