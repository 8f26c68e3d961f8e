"""A training run as a file describes it: YAML, read strictly.

Classes, rate, picture and tolerance all stand here or in the data: nothing about a
sport is in the code.
"""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml

from model.errors import BadAnnotations, BadCheckpoint
from model.network.config import ModelConfig
from model.training.augment_options import AugmentOptions
from model.training.clip_options import ClipOptions
from model.training.settings import (
    DataSettings,
    LossSettings,
    NetworkSettings,
    OptimiserSettings,
    ProvenanceSettings,
    RunSettings,
    Stage,
)
from model.video.frame_spec import FrameSpec

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """All of a run. `labels` None takes those of the training matches.

    Attributes:
        name: of the checkpoint.
        batch: clips a process and batch.
        stages: in order; empty is one stage of the input's own size.
    """

    name: str
    network: NetworkSettings
    input: FrameSpec
    data: DataSettings
    clips: ClipOptions
    batch: int = 4
    labels: tuple[str, ...] | None = None
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    stages: tuple[Stage, ...] = ()
    loss: LossSettings = field(default_factory=LossSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    run: RunSettings = field(default_factory=RunSettings)
    provenance: ProvenanceSettings = field(default_factory=ProvenanceSettings)

    def __post_init__(self) -> None:
        """Refuse a run that cannot be done.

        Raises:
            BadAnnotations: the message names the setting.
        """
        if self.clips.steps > self.network.clip_len:
            raise BadAnnotations(
                f"clips.steps is {self.clips.steps}, the network's clip_len "
                f"{self.network.clip_len}: clips cannot be longer."
            )
        if self.labels is not None and not self.labels:
            raise BadAnnotations("labels is empty: name the classes, or leave it out.")
        ends = [stage.until for stage in self.stages]
        if ends and (ends != sorted(set(ends)) or ends[0] <= 0 or ends[-1] != 1):
            raise BadAnnotations(f"stages end at {ends}: must rise and end at 1.")
        if (
            self.frames_per_step < 1
            or abs(self._store_ratio - self.frames_per_step) > 1e-6
        ):
            raise BadAnnotations(
                f"data.store_fps is {self.data.store_fps:g}: must be a whole multiple "
                f"of input.fps, which is {self.input.fps:g}."
            )

    @property
    def frames_per_step(self) -> int:
        """How many frames of the store make a step of the network, in training."""
        return round(self._store_ratio)

    @property
    def store_spec(self) -> FrameSpec:
        """What training matches look like in the store."""
        return replace(self.input, fps=self.input.fps * self.frames_per_step)

    @property
    def _store_ratio(self) -> float:
        return (self.data.store_fps or self.input.fps) / self.input.fps

    def model_config(self, labels: tuple[str, ...]) -> ModelConfig:
        """Describe the network once the labels are known."""
        return ModelConfig(
            feature_arch=self.network.feature_arch,
            temporal_arch=self.network.temporal_arch,
            clip_len=self.network.clip_len,
            num_classes=len(labels),
            options=self.network.options,
        )

    def stage_at(self, step: int) -> Stage:
        """Give the stage of an optimiser step, sizes filled in."""
        share = step / self.optimiser.steps
        found = next((s for s in self.stages if share < s.until), None)
        if found is None:
            found = self.stages[-1] if self.stages else Stage(1.0)
        return Stage(
            until=found.until,
            size=found.size or (self.input.out_width, self.input.out_height),
            clip_steps=found.clip_steps or self.clips.steps,
            batch=found.batch or self.batch,
        )

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, for logs and checkpoints."""
        return asdict(self)


def read_config(path: Path) -> TrainConfig:
    """Read a run from YAML.

    Raises:
        BadAnnotations: not YAML, an unknown or missing key, a value out of range.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as exc:
        raise BadAnnotations(f"{path} cannot be read as a config: {exc}") from exc
    return config_from(raw, where=path.name)


def config_from(raw: object, *, where: str = "config") -> TrainConfig:
    """Build a run from plain values; see `read_config`."""
    values = _mapping(raw, where)
    parts: dict[str, Any] = dict(values)
    for name, kind in (
        ("network", NetworkSettings),
        ("data", DataSettings),
        ("clips", ClipOptions),
        ("augment", AugmentOptions),
        ("loss", LossSettings),
        ("optimiser", OptimiserSettings),
        ("run", RunSettings),
        ("provenance", ProvenanceSettings),
    ):
        if name in parts:
            parts[name] = _build(kind, parts[name], f"{where}: {name}")
    if "input" in parts:
        try:
            parts["input"] = FrameSpec.from_dict(_mapping(parts["input"], where))
        except BadCheckpoint as exc:
            raise BadAnnotations(f"{where}: input: {exc}") from exc
    stages = parts.get("stages", ())
    if not isinstance(stages, list | tuple):
        raise BadAnnotations(f"{where}: stages must be a list, got {stages!r:.80}")
    parts["stages"] = tuple(_build(Stage, s, f"{where}: stages") for s in stages)
    if isinstance(parts.get("labels"), list):
        parts["labels"] = tuple(str(label) for label in parts["labels"])
    return _build(TrainConfig, parts, where)


def with_data(config: TrainConfig, matches: Path, *, split: Path) -> TrainConfig:
    """Give the same run other matches, of a folder that a split divides."""
    data = replace(config.data, train=str(matches), val=None, split=str(split))
    provenance = replace(config.provenance, trained_on=matches.name, notes="")
    return replace(config, data=data, labels=None, provenance=provenance)


def with_steps(config: TrainConfig, steps: int) -> TrainConfig:
    """Give the same run another length; the schedule is stretched with it."""
    settings = config.optimiser
    warmup = min(settings.warmup_steps, max(1, steps // 5))
    optimiser = replace(settings, steps=steps, warmup_steps=warmup)
    run = replace(config.run, validate_steps=min(config.run.validate_steps, steps))
    return replace(config, optimiser=optimiser, run=run)


def _build(kind: type[T], raw: object, where: str) -> T:
    """Make a dataclass of plain values: no key missing, none unknown."""
    values = dict(_mapping(raw, where))
    known = {item.name: item for item in fields(cast(Any, kind))}
    unknown = sorted(set(values) - set(known))
    missing = sorted(
        name
        for name, item in known.items()
        if name not in values
        and item.default is MISSING
        and item.default_factory is MISSING
    )
    if unknown or missing:
        raise BadAnnotations(f"{where}: unknown keys {unknown}, missing keys {missing}")
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
        if isinstance(known[name].default, float) and isinstance(value, str | int):
            values[name] = _number(value, f"{where}: {name}")
    try:
        return kind(**values)
    except (TypeError, ValueError) as exc:
        raise BadAnnotations(f"{where}: {exc}") from exc


def _number(value: str | int, where: str) -> float:
    """Read a number; YAML takes 1e-3 for a string."""
    try:
        return float(value)
    except ValueError as exc:
        raise BadAnnotations(f"{where} must be a number, got {value!r}") from exc


def _mapping(raw: object, where: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise BadAnnotations(f"{where} must be a mapping, got {raw!r:.80}")
    return raw
