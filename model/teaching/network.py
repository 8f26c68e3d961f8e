"""The network that teaching starts from: a base's weights, and rows for new types."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from model.checkpoint.archive import Checkpoint
from model.checkpoint.spotter_io import load_spotter
from model.data.labels import Match, team_names
from model.errors import BadCheckpoint
from model.network.config import ModelConfig
from model.network.outputs import read_outputs, write_outputs
from model.network.spotter import Spotter
from model.reporter import Reporter
from model.teaching.options import TeachOptions
from model.teaching.types import TypePlan
from model.video.frame_spec import FrameSpec

TRUNK = "_features."

# Without a base: what the shipped network is made of, on the whole picture.
OWN_CONFIG = ModelConfig(
    "rny002_gsm", "gru", clip_len=96, num_classes=1, outputs={"displacement": {}}
)
OWN_INPUT = FrameSpec(width=224, height=126, fps=10.0)


@dataclass(frozen=True, slots=True)
class Base:
    """What teaching starts from.

    Attributes:
        config: of its network.
        frame_spec: what it sees; its rate is the new network's, too.
        labels: whose rows are kept; none where the head is not.
        checkpoint: the file; None where only the architecture is ours.
    """

    config: ModelConfig
    frame_spec: FrameSpec
    labels: tuple[str, ...]
    checkpoint: Checkpoint | None


def open_base(options: TeachOptions) -> Base:
    """Read what teaching starts from.

    Raises:
        BadCheckpoint, UnsupportedCheckpoint: the base cannot be read, or is of a newer
            version.
    """
    if options.base is None:
        return Base(OWN_CONFIG, OWN_INPUT, (), None)
    found = Checkpoint.open(options.base)
    manifest = found.manifest
    labels = manifest.labels if options.start == "base" else ()
    return Base(manifest.config, manifest.frame_spec, labels, found)


def config_for(
    base: Base, plan: TypePlan, options: TeachOptions, train: Sequence[Match]
) -> tuple[ModelConfig, list[str]]:
    """Describe the network to be taught, and say what becomes of further outputs.

    The team of an event is learned where labels name it. Where they do not, a base's
    own output is kept as it is, and a fresh head goes without.
    """
    outputs = read_outputs(base.config.outputs)
    notes = []
    if "team" in outputs:
        sides: Any = outputs["team"]
        if not set(sides.sides) & set(team_names(train)):
            kept = options.start == "base"
            notes.append(
                "no label names a team ("
                + ", ".join(sides.sides)
                + "): the base's own output is kept, not taught"
                if kept
                else "no label names a team: the network will not tell teams"
            )
            if not kept:
                del outputs["team"]
    config = replace(
        base.config, num_classes=len(plan.labels), outputs=write_outputs(outputs)
    )
    return config, notes


def build_network(
    base: Base,
    plan: TypePlan,
    config: ModelConfig,
    options: TeachOptions,
    *,
    report: Reporter,
) -> tuple[Spotter, bool]:
    """Build the network and give it what the start keeps of the base.

    Returns:
        The network, and whether it starts from noise.

    Raises:
        BadCheckpoint: the base's weights are damaged.
    """
    torch.manual_seed(options.seed)
    if options.start == "imagenet":
        return _from_imagenet(config, report)
    network = Spotter(config)
    if options.start == "noise" or base.checkpoint is None:
        report("the network starts from noise")
        return network, True
    old = load_spotter(base.checkpoint)
    weights = network.state_dict()
    theirs = old.state_dict()
    if options.start == "trunk":
        report(f"the trunk is {options.base}'s, the head starts from noise")
        weights |= {k: v for k, v in theirs.items() if k.startswith(TRUNK)}
    else:
        rows = _classifier_keys(network, len(plan.labels) + 1)
        weights |= {k: v for k, v in theirs.items() if k in weights and k not in rows}
        for key in rows:
            weights[key] = _extended(weights[key], theirs[key], base.labels, plan)
        report(f"training starts from the weights of {options.base}")
    network.load_state_dict(weights)
    return network, False


def _from_imagenet(config: ModelConfig, report: Reporter) -> tuple[Spotter, bool]:
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    report("looking for ImageNet weights; without a network this takes a minute")
    try:
        network = Spotter(config, is_pretrained=True)
    except Exception as exc:  # noqa: BLE001 - hubs fail in many ways, all harmless
        cause = str(exc).splitlines()[0][:120] if str(exc) else type(exc).__name__
        report(f"ImageNet weights cannot be had ({cause}): starting from noise")
        return Spotter(config), True
    report("the trunk starts from ImageNet weights")
    return network, False


def _classifier_keys(network: Spotter, rows: int) -> list[str]:
    """Name the tensors that have a row for each type."""
    layers = {id(each) for each in network.temporal_head.classifier.parameters()}
    keys = [k for k, value in network.named_parameters() if id(value) in layers]
    if any(len(network.get_parameter(key)) != rows for key in keys):
        raise BadCheckpoint(
            "the head's classifier is no single layer: start from trunk"
        )
    return keys


def _extended(
    fresh: Tensor, old: Tensor, labels: Sequence[str], plan: TypePlan
) -> Tensor:
    """Give each type its row: shapes (K + 1, ...), row 0 is the background.

    What starts from noise is as likely at first as the rarest of the old types.
    """
    places = {label: index for index, label in enumerate(labels, start=1)}
    out = fresh.clone()
    out[0] = old[0]
    for index, label in enumerate(plan.labels, start=1):
        sources = [places[name] for name in plan.rows[label]]
        if sources:
            out[index] = (
                old[sources].mean(dim=0) if len(sources) > 1 else old[sources[0]]
            )
        elif old.dim() == 1:
            out[index] = old[1:].min()
    return out


def head_state(network: Spotter) -> dict[str, Tensor]:
    """Give a copy of all that is not the trunk's."""
    state: Mapping[str, Tensor] = network.state_dict()
    return {k: v.detach().clone() for k, v in state.items() if not k.startswith(TRUNK)}


def load_head(network: Spotter, state: Mapping[str, Tensor]) -> None:
    """Take up what `head_state` gave."""
    network.load_state_dict(dict(state), strict=False)


def freeze_trunk(network: Spotter) -> list[nn.Parameter]:
    """Freeze the trunk and give what is left to train."""
    trained = []
    for key, value in network.named_parameters():
        value.requires_grad_(not key.startswith(TRUNK))
        if value.requires_grad:
            trained.append(value)
    return trained
