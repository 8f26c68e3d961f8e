"""Labels that name a side are those of the other one in a mirror image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.data.frame_store import StoredMatch
from model.data.labels import Event, MatchLabels
from model.training.batches import Batch, Batches
from model.training.outputs import DISTILLATION, PHASE
from tests.unit.model.training.toys import HEIGHT, WIDTH, toy_config

STEPS = 12


def batch_of(root: Path, labels: tuple[str, ...], *, flip: float) -> Batch:
    """Draw a batch of a match with an event of each label."""
    config = toy_config(root, loss={"terms": {"phase": 0.4, "distillation": 1.0}})
    config = replace(config, augment=replace(config.augment, flip=flip))
    dice = np.random.default_rng(0)
    events = tuple(Event(x, 0.1 + 0.4 * n, None) for n, x in enumerate(labels))
    match = StoredMatch(
        "match",
        dice.integers(0, 256, (STEPS, HEIGHT, WIDTH, 3), np.uint8),
        np.arange(STEPS) / 10,
        np.arange(STEPS),
        np.arange(STEPS),
        MatchLabels("match", events, root / "labels.json"),
    )
    curves = {"match": dice.random((STEPS, len(labels) + 1), np.float32)}
    return Batches([match], labels, config, curves=curves).make(0)


@pytest.mark.parametrize(
    ("output", "swapped"),
    [("scores", [0, 2, 1, 3]), (DISTILLATION, [0, 2, 1, 3]), (PHASE, [1, 0, 2])],
)
def test_labels_that_name_a_side_swap_with_the_picture(
    tmp_path: Path, output: str, swapped: list[int]
) -> None:
    labels = ("PASS left", "PASS right", "SHOT")

    plain = batch_of(tmp_path, labels, flip=0.0)
    mirrored = batch_of(tmp_path, labels, flip=1.0)

    assert torch.equal(plain.frames.flip(-1), mirrored.frames)
    one, other = plain.targets[output], mirrored.targets[output]
    assert torch.equal(one.values[..., swapped], other.values)
    assert not torch.equal(one.values, other.values)
    assert torch.equal(one.weight, other.weight)


def test_where_a_side_has_no_twin_nothing_is_mirrored(tmp_path: Path) -> None:
    labels = ("PASS left", "SHOT")

    plain = batch_of(tmp_path, labels, flip=0.0)
    still = batch_of(tmp_path, labels, flip=1.0)

    assert torch.equal(plain.frames, still.frames)
    assert torch.equal(plain.targets["scores"].values, still.targets["scores"].values)
