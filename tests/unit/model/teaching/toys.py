"""A toy data set, as `touchline dataset export` writes one, and a toy base."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.checkpoint.manifest import Manifest
from model.checkpoint.spotter_io import save_spotter
from model.checkpoint.spotting_options import SpottingOptions
from model.data.formats.provenance import Provenance, ReviewedSpan, Span
from model.data.matches import find_matches
from model.data.splits import Split, split_matches
from model.data.stretch_splits import split_stretches
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.teaching.recipe import Recipe
from model.video.frame_spec import FrameSpec
from tests.unit.model.training.toys import FPS, HEIGHT, WIDTH, court_picture
from tests.videos import draw_video

# Small in every number, so that a teaching takes seconds.
QUICK = Recipe(
    copies=1,
    batch=4,
    head_steps=30,
    head_lr=3e-3,
    validate_steps=10,
    patience=3,
    tune_batch=2,
    tune_steps=2,
    save_s=5.0,
    has_int8=False,
    few_events=3,
)


def toy_dataset(
    root: Path,
    *,
    matches: int = 3,
    seconds: int = 20,
    reviewed: Sequence[Span] | None = None,
    names: Mapping[str, str] | None = None,
    split: Split | None = None,
) -> Path:
    """Draw matches of basketball and write them as a data set.

    Args:
        root: where.
        matches: how many.
        seconds: of each.
        reviewed: stretches of each; None: all of it.
        names: of the two types, DRIBBLE and BASKET.
        split: of the matches; None divides them as an export does.
    """
    for number in range(1, matches + 1):
        _toy_match(root / f"match_{number}", number, seconds, reviewed, names or {})
    found = find_matches(root)
    if split is None:
        split = split_matches(found) if matches > 2 else split_stretches(found)
    (root / "split.json").write_text(split.to_json())
    return root


def events_of(seed: int, seconds: int) -> dict[int, str]:
    """Say which frame of a toy match shows what."""
    rng = np.random.default_rng(seed)
    frames = np.arange(6, seconds * FPS - 6, 9) + rng.integers(-2, 3)
    kinds = rng.permutation(
        ["DRIBBLE" if at % 5 < 3 else "BASKET" for at in range(len(frames))]
    )
    return {int(at): str(kind) for at, kind in zip(frames, kinds, strict=True)}


def _toy_match(
    folder: Path,
    seed: int,
    seconds: int,
    reviewed: Sequence[Span] | None,
    names: Mapping[str, str],
) -> None:
    events = events_of(seed, seconds)
    folder.mkdir(parents=True)
    draw_video(
        folder / "video.mp4",
        frames=seconds * FPS,
        fps=FPS,
        size=(WIDTH, HEIGHT),
        paint=lambda number, _w, _h: court_picture(number, events),
    )
    spans = [(0.0, float(seconds))] if reviewed is None else reviewed
    rows: list[dict[str, Any]] = [
        {"type": names.get(label, label), "time_s": frame / FPS, "frame": frame}
        for frame, label in events.items()
        if any(a <= frame / FPS < b for a, b in spans)
    ]
    write_labels(folder, rows, spans)


def write_labels(
    folder: Path, rows: Sequence[Mapping[str, Any]], spans: Sequence[Span]
) -> None:
    """Write a match's labels as an export does."""
    provenance = Provenance(reviewed=tuple(ReviewedSpan(a, b) for a, b in spans))
    document = {
        "video": "video.mp4",
        "provenance": provenance.to_dict(),
        "events": list(rows),
        "rejected": [],
    }
    (folder / "labels.json").write_text(json.dumps(document))


def toy_base(
    path: Path,
    *,
    labels: tuple[str, ...] = ("DRIBBLE", "DUNK"),
    fps: float = FPS,
    outputs: Mapping[str, Any] | None = None,
) -> Path:
    """Write a base with weights from noise."""
    config = ModelConfig(
        "rny002_gsm", "gru", clip_len=16, num_classes=len(labels), outputs=outputs or {}
    )
    torch.manual_seed(1)
    manifest = Manifest(
        name=path.stem,
        config=config,
        labels=labels,
        frame_spec=FrameSpec(WIDTH, HEIGHT, fps=fps),
        spotting=SpottingOptions.default(labels),
    )
    save_spotter(path, Spotter(config).eval(), manifest)
    return path


@dataclass(slots=True)
class Notebook:
    """A watch that keeps what it is told, and pauses if it is asked to.

    Attributes:
        pause_at: the name of a stage in which to pause once, and how many questions of
            it to let pass first.
    """

    lines: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    etas: dict[str, list[float | None]] = field(default_factory=dict)
    points: list[tuple[str, str, int, dict[str, float]]] = field(default_factory=list)
    pause_at: str | None = None
    passes: int = 0

    def report(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)

    def progress(self, stage: str, done: float, eta_s: float | None) -> None:
        """Keep the order of the stages, and when they said it may be done."""
        assert 0 <= done <= 1
        assert eta_s is None or eta_s >= 0
        self.etas.setdefault(stage, []).append(eta_s)
        if not self.stages or self.stages[-1] != stage:
            self.stages.append(stage)

    def point(
        self, kind: str, stage: str, step: int, values: Mapping[str, float]
    ) -> None:
        """Keep a point."""
        self.points.append((kind, stage, step, dict(values)))

    def should_pause(self) -> bool:
        """Pause in the stage that was named."""
        if self.pause_at is None or self.stages[-1] != self.pause_at:
            return False
        self.passes -= 1
        if self.passes >= 0:
            return False
        self.pause_at = None
        return True
