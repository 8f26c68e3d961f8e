"""The network that a run begins with: a checkpoint's, a teacher's, or a fresh one."""

import logging
from dataclasses import replace
from pathlib import Path

import torch

from model.checkpoint.archive import Checkpoint
from model.checkpoint.spotter_io import fill_spotter
from model.errors import BadAnnotations
from model.network.config import ModelConfig
from model.network.spotter import Spotter
from model.reporter import Reporter
from model.training.config import TrainConfig
from model.training.distillation import student_of

OUTPUT_HEADS = "_output_heads."


def make_network(
    config: TrainConfig,
    labels: tuple[str, ...],
    *,
    start_from: Path | None = None,
    distill_from: Path | None = None,
    report: Reporter = lambda _: None,
) -> Spotter:
    """Build the network: from a checkpoint, from ImageNet's weights, or from noise.

    Raises:
        BadAnnotations: the checkpoint to start from is of another network.
    """
    wanted = config.model_config(labels)
    torch.manual_seed(config.run.seed)
    if start_from is not None:
        network = _continued(wanted, start_from, report)
    elif distill_from is not None:
        report(f"training starts from what fits of the weights of {distill_from}")
        network = student_of(Checkpoint.open(distill_from), wanted)
    else:
        network = _fresh_network(config, labels, report)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.weight.data = layer.weight.data.contiguous(
                memory_format=torch.channels_last
            )
    return network.train()


def _continued(wanted: ModelConfig, start_from: Path, report: Reporter) -> Spotter:
    """Build a network with a checkpoint's weights; outputs may be added or dropped."""
    checkpoint = Checkpoint.open(start_from)
    theirs = checkpoint.manifest.config
    if replace(theirs, clip_len=wanted.clip_len, outputs=wanted.outputs) != wanted:
        raise BadAnnotations(
            f"{start_from} is {theirs}, the config wants {wanted}: a run can only "
            "start from a checkpoint of the same network."
        )
    report(f"training starts from the weights of {start_from}")
    weights = dict(checkpoint.read_weights())
    fresh = Spotter(wanted).state_dict()
    ours = [key for key in fresh if key.startswith(OUTPUT_HEADS)]
    added = [key for key in ours if key not in weights]
    weights |= {key: fresh[key].numpy() for key in added}
    for key in [key for key in weights if key.startswith(OUTPUT_HEADS)]:
        if key not in ours:
            del weights[key]
    for name in dict.fromkeys(key.split(".")[1] for key in added):
        report(f"{name} starts from noise: the checkpoint does not have it")
    return fill_spotter(wanted, weights)


def without_weights(config: TrainConfig) -> TrainConfig:
    """Give the same run from noise: what is resumed brings its own weights."""
    return replace(config, network=replace(config.network, is_pretrained=False))


def _fresh_network(
    config: TrainConfig, labels: tuple[str, ...], report: Reporter
) -> Spotter:
    wanted = config.model_config(labels)
    if config.network.is_pretrained:
        # It warns of every retry; one line at the end says it all.
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
        report("looking for ImageNet weights; without a network this takes a minute")
        try:
            network = Spotter(wanted, is_pretrained=True)
        except Exception as exc:  # noqa: BLE001 - hubs fail in many ways, all harmless
            cause = str(exc).splitlines()[0][:120] if str(exc) else type(exc).__name__
            report(
                f"ImageNet weights cannot be had ({cause}): training starts from noise"
            )
        else:
            report("training starts from ImageNet weights")
            return network
    else:
        report("training starts from noise")
    torch.manual_seed(config.run.seed)
    return Spotter(wanted)
