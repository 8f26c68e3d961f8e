"""A teaching between its stages: where it starts, what it has, the network so far."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from model.checkpoint.archive import SUFFIX
from model.checkpoint.manifest import Manifest, Provenance
from model.checkpoint.spotter_io import Precision, load_spotter, save_spotter
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.evaluation.timed import TimedMatch
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.spotting.windows import Windows
from model.teaching.configuration import head_config
from model.teaching.features import Halves, cache_plain, open_rows
from model.teaching.head import timed_matches
from model.teaching.matches import TeachData, count_events
from model.teaching.material import Material, prepare_material
from model.teaching.network import Base, build_network, config_for, open_base
from model.teaching.pieces import Frames
from model.teaching.run import FEATURES, FINETUNE, FRAMES, Run
from model.teaching.types import TypePlan, plan_types
from model.training.config import TrainConfig
from model.training.files import BEST
from model.training.measures import WINDOW_S
from model.training.sides import side_twins
from model.training.validation import reach

START, HEAD = f"start{SUFFIX}", f"head{SUFFIX}"


@dataclass(slots=True)
class Lesson:
    """A teaching between its stages.

    Attributes:
        run: its folder, clock and watch.
        data: its matches.
        source: what the data set is called.
        base: what it starts from.
        plan: its types.
        config: of the network.
        material: what it is taught from and measured on.
        training: how the head is trained.
        network: as it is taught so far, in eval mode.
        plain: features of each piece, once they are cached.
    """

    run: Run
    data: TeachData
    source: str
    base: Base
    plan: TypePlan
    config: ModelConfig
    material: Material
    training: TrainConfig
    network: Spotter
    plain: list[Halves] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether the trunk starts from noise, so that all of it is to be taught."""
        return bool(self.run.results.get("is_whole"))

    @property
    def made(self) -> Path:
        """The finished checkpoint."""
        return self.run.folder / f"{self.run.options.name}{SUFFIX}"

    @property
    def tuned(self) -> Path:
        """The checkpoint that tuning makes."""
        return self.run.folder / FINETUNE / BEST

    @property
    def reserve_s(self) -> float:
        """How much of all time is kept for thresholds and engines."""
        return self.run.recipe.reserve_share * self.run.options.minutes * 60

    @property
    def device(self) -> torch.device:
        """What computes."""
        return _device(self.run)

    @property
    def overlap(self) -> float:
        """Of the head's windows when the network serves."""
        return _overlap(self.base)

    @property
    def options(self) -> SpottingOptions:
        """How spots are found until thresholds are chosen."""
        plain = LabelOptions(window_s=WINDOW_S)
        return SpottingOptions(dict.fromkeys(self.plan.labels, plain))

    @property
    def twins(self) -> Mapping[str, str] | None:
        """What types are called in a mirror image; None: mirrors are not allowed.

        They are where each type is one of the base's, which was trained with them, or
        names a side: what else a new type means, nobody has said.
        """
        labels = self.plan.labels
        found = side_twins(labels)
        checkpoint = self.base.checkpoint
        old = () if checkpoint is None else checkpoint.manifest.labels
        if found is None or any(found[x] == x and x not in old for x in labels):
            return None
        return found

    def load(self, path: Path) -> Spotter:
        """Read a network of this teaching."""
        return load_spotter(path).to(self.device)

    def save(
        self, network: Spotter, path: Path, options: SpottingOptions | None = None
    ) -> None:
        """Write a network: with options chosen for it, or exactly, to go on from."""
        trained = count_events(self.data.train)
        old = None if self.base.checkpoint is None else self.base.checkpoint.manifest
        told = ", ".join(f"{count} {label}" for label, count in trained.items())
        origin = "" if old is None else f"; started from {old.name}"
        manifest = Manifest(
            name=self.run.options.name,
            config=self.config,
            labels=self.plan.labels,
            frame_spec=self.base.frame_spec,
            spotting=options or self.options,
            provenance=Provenance(
                trained_on=f"reviewed stretches of {self.source}: {told}{origin}",
                version=version("touchline"),
                licence="" if old is None else old.provenance.licence,
            ),
        )
        precision: Precision = "fp32" if options is None else "fp16"
        save_spotter(path, network, manifest, precision=precision)

    def timed_plain(self, network: Spotter) -> list[TimedMatch]:
        """Run a head over the hold-out's cached features."""
        holdout = self.material.holdout
        matches = [one.match(self.plain[one.segment.piece]) for one in holdout]
        return timed_matches(network, matches, self.plan.labels, overlap=self.overlap)

    def timed_frames(self, network: Spotter, path: Path) -> list[TimedMatch]:
        """Run a tuned network over the hold-out's frames; it may pause in between.

        What its trunk says is cached: what goes on after a pause, and what asks for it
        again, begins where that ended.

        Args:
            network: in eval mode.
            path: its checkpoint, by whose content the cache is named.
        """
        name = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        matches = []
        for number, stretch in enumerate(self.material.holdout):
            match, rows = stretch.match(), self._tuned_rows(name, number)
            cache_plain(
                network,
                match,
                self.base.frame_spec,
                rows,
                on_steps=lambda _: self.run.look(),
            )
            features: Any = open_rows(rows, network.feature_dim)
            matches.append(replace(match, frames=features))
        return timed_matches(network, matches, self.plan.labels, overlap=self.overlap)

    def _tuned_rows(self, name: str, number: int) -> Path:
        return self.run.folder / FEATURES / f"tuned-{name}-{number}.f16"


def begin_lesson(run: Run, data: TeachData, source: str) -> Lesson:
    """Decode what is needed, decide on the types, and build the network.

    Args:
        run: the teaching.
        data: its matches.
        source: what the data set is called.

    Raises:
        BadAnnotations: nothing is left to teach from, or to measure by.
        BadCheckpoint, UnsupportedCheckpoint: the base cannot be read.
        NoRoom: the disk has none for the frames.
    """
    base = open_base(run.options)
    looks, clip_len = reach(Spotter(base.config)), base.config.clip_len
    windows = Windows.with_share(clip_len, _overlap(base))
    run.progress("prepare", 0.0)
    material, data = prepare_material(
        data,
        run.folder / FRAMES,
        Frames(base.frame_spec, clip_len + looks, windows.hop),
        reach=looks,
        clip_len=clip_len,
        note=run.note,
        on_share=lambda share: run.at("prepare", share),
    )
    # A match may be left out now and not the next time: a decoder that stalled.
    run.keep_to("pieces", material.names)
    _tell_unknown(run, data, base)
    plan = plan_types(run.options, base.labels, data.train)
    config, notes = config_for(base, plan, run.options, data.train)
    for line in (*plan.notes, *notes):
        run.note(line)
    _tell_counts(run, data, plan)
    training = head_config(
        run.options,
        run.recipe,
        config,
        base.frame_spec,
        plan.labels,
        run.folder / FRAMES,
    )
    network = _start(run, base, plan, config).to(_device(run)).eval()
    return Lesson(run, data, source, base, plan, config, material, training, network)


def as_json(value: float) -> float | None:
    """Round for JSON; NaN is None."""
    return None if math.isnan(value) else round(float(value), 4)


def _start(run: Run, base: Base, plan: TypePlan, config: ModelConfig) -> Spotter:
    """Build the network once: what it starts from is kept."""
    path = run.folder / START
    if "is_whole" in run.results:
        return load_spotter(path)
    network, is_noise = build_network(
        base, plan, config, run.options, report=run.watch.report
    )
    manifest = Manifest(
        name="start",
        config=config,
        labels=plan.labels,
        frame_spec=base.frame_spec,
        spotting=SpottingOptions.default(plan.labels),
    )
    save_spotter(path, network, manifest, precision="fp32")
    run.once("is_whole", lambda: is_noise)
    return network


def _device(run: Run) -> torch.device:
    chosen = run.options.device
    if chosen == "auto":
        chosen = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(chosen)


def _overlap(base: Base) -> float:
    if base.checkpoint is None:
        return SpottingOptions({}).overlap
    return base.checkpoint.manifest.spotting.overlap


def _tell_unknown(run: Run, data: TeachData, base: Base) -> None:
    """Say which names of the mapping nothing has."""
    old = () if base.checkpoint is None else base.checkpoint.manifest.labels
    if unknown := sorted(set(run.options.mapping) - {*data.names, *old}):
        run.note(f"{', '.join(unknown)}: mapped, but neither base nor data has it")


def _tell_counts(run: Run, data: TeachData, plan: TypePlan) -> None:
    """Say how much there is of each type."""
    counts = count_events(data.train)
    held = count_events([*data.val, *data.test])
    if not any(label in held for label in plan.taught):
        run.note(
            f"nothing that is held out has an event of {', '.join(plan.taught)}: how "
            "good the network is cannot be judged, and nothing ends its training early"
        )
    for label in plan.taught:
        run.watch.report(
            f"{label}: {counts[label]} events to train on, {held.get(label, 0)} on the "
            "hold-out"
        )
        if counts[label] < run.recipe.few_events:
            run.note(
                f"{label} has {counts[label]} training events: it is taught, but "
                "expect little of it"
            )
