"""One checkpoint of several: their weights averaged.

Runs that start from each other lie close enough in weight space for their mean to work
as well, with a slightly smaller error.

Source: model soups (Wortsman et al., ICML 2022).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from model.checkpoint.archive import Checkpoint
from model.checkpoint.spotter_io import load_spotter, save_spotter
from model.errors import BadCheckpoint


def average_checkpoints(
    paths: Sequence[Path], shares: Sequence[float], *, out: Path
) -> Checkpoint:
    """Write the weighted mean of checkpoints of one network.

    Name, labels, input and options are the first one's. What was exported or measured
    is left out, for it was that of other weights: export, calibrate and evaluate anew.

    Args:
        paths: of the checkpoints, one at least.
        shares: of each, > 0; only their ratios count.
        out: where to write.

    Raises:
        BadCheckpoint: a file is damaged, or they differ in network, labels or input.
        ValueError: not one share for each, or one that is not > 0.
    """
    if not paths or len(shares) != len(paths) or min(shares) <= 0:
        raise ValueError(f"{len(paths)} checkpoints need as many shares > 0: {shares}")
    opened = [Checkpoint.open(path) for path in paths]
    first = opened[0].manifest
    for path, other in zip(paths, opened, strict=True):
        theirs = other.manifest
        if (theirs.config, theirs.labels, theirs.frame_spec) != (
            first.config,
            first.labels,
            first.frame_spec,
        ):
            raise BadCheckpoint(
                f"{path} and {paths[0]} differ in network, labels or input: only "
                "runs of one training can be averaged."
            )
    spotter = load_spotter(opened[0])
    states = [load_spotter(checkpoint).state_dict() for checkpoint in opened]
    parts = [share / sum(shares) for share in shares]
    mean: dict[str, Tensor] = {}
    for key, value in states[0].items():
        if value.is_floating_point():
            terms = zip(parts, states, strict=True)
            value = sum((part * state[key] for part, state in terms), 0 * value)
        mean[key] = value
    spotter.load_state_dict(mean)
    named = ", ".join(
        f"{part:.2g} of {path.name}" for part, path in zip(parts, paths, strict=True)
    )
    notes = f"{first.provenance.notes} Weights averaged: {named}.".strip()
    provenance = replace(first.provenance, val={}, notes=notes)
    manifest = replace(first, provenance=provenance, engines={})
    return save_spotter(out, spotter, manifest)
