"""A training run as a file describes it: YAML, read strictly.

Classes, rate, picture and tolerance all stand here or in the data: nothing about a
sport is in the code.
"""

from collections.abc import Mapping
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import (
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from model.errors import BadAnnotations, BadCheckpoint, ModelError
from model.network.config import ModelConfig
from model.network.outputs import OutputOptions
from model.reporter import Reporter
from model.training.augment_options import AugmentOptions
from model.training.clip_options import ClipOptions
from model.training.section import Whole, describe_errors, section
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

# Keys of earlier releases, which are still read: (section, key), (section, key).
RENAMED = {
    ("clips", "paces"): ("clips", "speed_range"),
    ("loss", "phase"): ("loss", "terms", "phase"),
}


def _frame_spec(raw: object) -> FrameSpec:
    if isinstance(raw, FrameSpec):
        return raw
    if not isinstance(raw, Mapping):
        raise ValueError("must be a mapping")
    try:
        return FrameSpec.from_dict(raw)
    except BadCheckpoint as exc:
        raise ValueError(str(exc)) from exc


@section
class TrainConfig:
    """All of a run. `labels` None takes those of the training matches.

    Attributes:
        name: of the checkpoint.
        batch: clips a process and batch.
        stages: in order; empty is one stage of the input's own size.
    """

    name: str
    network: NetworkSettings
    input: Annotated[FrameSpec, BeforeValidator(_frame_spec)]
    data: DataSettings
    clips: ClipOptions
    batch: Whole = 4
    labels: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    stages: tuple[Stage, ...] = ()
    loss: LossSettings = field(default_factory=LossSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    run: RunSettings = field(default_factory=RunSettings)
    provenance: ProvenanceSettings = field(default_factory=ProvenanceSettings)

    @model_validator(mode="after")
    def _fits_together(self) -> "TrainConfig":
        if self.clips.steps > self.network.clip_len:
            raise ValueError(
                f"clips.steps is {self.clips.steps}, the network's clip_len "
                f"{self.network.clip_len}: clips cannot be longer"
            )
        try:
            self.model_config(self.labels or ("label",))
        except ModelError as exc:
            raise ValueError(f"network: {exc}") from exc
        ends = [stage.until for stage in self.stages]
        if ends and (ends != sorted(set(ends)) or ends[-1] != 1):
            raise ValueError(f"stages end at {ends}: must rise and end at 1")
        off = abs(self._store_ratio - self.frames_per_step)
        if self.frames_per_step < 1 or off > 1e-6:
            raise ValueError(
                f"data.store_fps is {self.data.store_fps:g}: must be a whole multiple "
                f"of input.fps, which is {self.input.fps:g}"
            )
        if self.clips.frame_jitter and self.frames_per_step < 2:
            raise ValueError(
                "clips.frame_jitter needs data.store_fps above input.fps, which is "
                f"{self.input.fps:g}: else the nearest other frame is a whole step away"
            )
        smallest = min([self.batch, *(s.batch or self.batch for s in self.stages)])
        if self.optimiser.mixup and smallest < 2:
            raise ValueError("optimiser.mixup needs a batch of at least 2 clips")
        known = [*self.output_options, "phase", "distillation"]
        unknown = sorted(set(self.loss.terms) - set(known))
        if unknown:
            raise ValueError(
                f"loss.terms names {', '.join(unknown)}; this network has "
                f"{', '.join(known)}"
            )
        return self

    @property
    def frames_per_step(self) -> int:
        """How many frames of the store make a step of the network, in training."""
        return round(self._store_ratio)

    @property
    def output_options(self) -> dict[str, OutputOptions]:
        """Options of every output that the network has, `scores` first."""
        return self.model_config(self.labels or ("label",)).output_options

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
            outputs=self.network.outputs,
            look_ahead_sites=self.network.look_ahead_sites,
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

    def size_at(self, step: int) -> tuple[int, int]:
        """Give width and height of the pictures at an optimiser step."""
        return self.stage_at(step).size or (self.input.out_width, self.input.out_height)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, for logs and checkpoints."""
        return asdict(self)


def read_config(path: Path, *, report: Reporter = lambda _: None) -> TrainConfig:
    """Read a run from YAML.

    Args:
        path: of the file.
        report: is told of keys that have another name by now; they are still read.

    Raises:
        BadAnnotations: not YAML, an unknown or missing key, a value out of range; the
            message names each key that is wrong and what is allowed.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as exc:
        raise BadAnnotations(f"{path} cannot be read as a config: {exc}") from exc
    return config_from(raw, where=path.name, report=report)


def config_from(
    raw: object, *, where: str = "config", report: Reporter = lambda _: None
) -> TrainConfig:
    """Build a run from plain values; see `read_config`."""
    if not isinstance(raw, Mapping):
        raise BadAnnotations(f"{where} must be a mapping, got {raw!r:.80}")
    values = _with_new_names(raw, where, report)
    try:
        return TypeAdapter(TrainConfig).validate_python(values)
    except ValidationError as exc:
        raise BadAnnotations(f"{where}: {describe_errors(exc, TrainConfig)}.") from exc


def _with_new_names(
    raw: Mapping[str, Any], where: str, report: Reporter
) -> dict[str, Any]:
    """Move what stands under an old key to the new one, and report it."""
    values = {k: dict(v) if isinstance(v, Mapping) else v for k, v in raw.items()}
    for (old_section, old), (*path, new) in RENAMED.items():
        section_values = values.get(old_section)
        if not isinstance(section_values, dict) or old not in section_values:
            continue
        target = values
        for name in path:
            target = target.setdefault(name, {})
        if new in target:
            continue  # Both are there: the old one is refused as unknown.
        target[new] = section_values.pop(old)
        report(f"{where}: {old_section}.{old} is now called {'.'.join((*path, new))}")
    return values


def with_data(config: TrainConfig, matches: Path, *, split: Path) -> TrainConfig:
    """Give the same run other matches, of a folder that a split divides."""
    data = replace(config.data, train=str(matches), val=None, split=str(split))
    provenance = replace(config.provenance, trained_on=matches.name, notes="")
    return replace(config, data=data, labels=None, provenance=provenance)


def with_distillation(config: TrainConfig) -> TrainConfig:
    """Give the same run a teacher's term of the loss, of weight 1 if it names none."""
    terms = {"distillation": 1.0, **config.loss.terms}
    return replace(config, loss=replace(config.loss, terms=terms))


def with_steps(config: TrainConfig, steps: int) -> TrainConfig:
    """Give the same run another length; the schedule is stretched with it."""
    settings = config.optimiser
    warmup = min(settings.warmup_steps, max(1, steps // 5))
    optimiser = replace(settings, steps=steps, warmup_steps=warmup)
    run = replace(config.run, validate_steps=min(config.run.validate_steps, steps))
    return replace(config, optimiser=optimiser, run=run)


def with_run(
    config: TrainConfig,
    *,
    devices: int | None = None,
    checkpoints_to: str | None = None,
) -> TrainConfig:
    """Give the same run by other processes, or with copies kept elsewhere."""
    changes: dict[str, Any] = {"devices": devices, "checkpoints_to": checkpoints_to}
    named = {name: value for name, value in changes.items() if value is not None}
    return replace(config, run=replace(config.run, **named))
