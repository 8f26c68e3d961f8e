"""What each head is for, shown on features drawn by the test."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from model.errors import BadCheckpoint, UnsupportedCheckpoint
from model.network.config import ModelConfig
from model.network.heads import build_head
from model.network.multiscale import Branch

SMALL: dict[str, dict[str, Any]] = {
    "": {},
    "gru": {},
    "deeper_gru": {},
    "transformer": {"width": 32, "heads": 2, "reach": 16},
    "multiscale": {"width": 32},
    "causal_gru": {"look_ahead": 3},
}


def head(name: str, **options: Any) -> nn.Module:
    """Build a head over eight features for two classes, ready to run."""
    torch.manual_seed(0)
    config = ModelConfig("rny002", name, 16, 2, SMALL[name] | options)
    return build_head(config, feature_dim=8).eval()


def touched(module: nn.Module, steps: int, changed: int) -> list[int]:
    """Say which steps' answers move when the features of one step do."""
    features = torch.randn(1, steps, 8)
    other = features.clone()
    other[:, changed] = torch.randn(8)
    with torch.no_grad():
        moved = (module(features) - module(other)).abs().amax(dim=(0, 2))
    return torch.nonzero(moved > 1e-7).flatten().tolist()


@pytest.mark.parametrize("name", SMALL)
def test_every_head_takes_clips_of_any_length(name: str) -> None:
    module = head(name)

    shapes = [module(torch.randn(2, steps, 8)).shape for steps in (1, 5, 40)]

    assert shapes == [(2, 1, 3), (2, 5, 3), (2, 40, 3)]


@pytest.mark.parametrize("name", SMALL)
def test_every_parameter_of_a_head_learns(name: str) -> None:
    module = head(name).train()

    torch.autograd.backward(module(torch.randn(2, 40, 8)).square().sum())

    idle = [n for n, p in module.named_parameters() if p.grad is None]
    assert idle == []


def cued(clips: int, steps: int) -> tuple[Tensor, Tensor]:
    """Draw features whose first channel, high, foretells an event 5 steps on."""
    features = torch.randn(clips, steps, 8) * 0.3
    truth = torch.zeros(clips, steps, dtype=torch.long)
    for clip in range(clips):
        for cue in torch.randperm(steps - 5)[: max(1, steps // 12)].tolist():
            features[clip, cue, 0] += 3
            truth[clip, cue + 5] = 1
    return features, truth


@pytest.mark.costly
@pytest.mark.slow
def test_a_transformer_takes_what_it_learned_to_clips_of_any_length() -> None:
    module = head("transformer", layers=1, dropout=0.0).train()
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-2)

    for _ in range(150):
        features, truth = cued(16, 24)
        loss = cross_entropy(module(features).flatten(0, 1), truth.flatten())
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()

    features, truth = cued(8, 200)
    with torch.no_grad():
        answers = module(features).argmax(dim=2)
    hits = int(((answers == 1) & (truth == 1)).sum())
    assert hits / int((truth == 1).sum()) > 0.95
    assert hits / int((answers == 1).sum()) > 0.95


def test_attention_does_not_care_where_the_clip_was_cut() -> None:
    module = head("transformer", layers=2, reach=3)
    clip = torch.randn(1, 60, 8)

    with torch.no_grad():
        whole = module(clip)
        cut = module(clip[:, 20:45])

    assert torch.allclose(whole[:, 26:39], cut[:, 6:19], atol=1e-6)
    assert not torch.allclose(whole[:, 25], cut[:, 5], atol=1e-6)


@pytest.mark.parametrize("span", [2, 8, 16, 32])
def test_a_branch_sees_its_span_and_no_more(span: int) -> None:
    torch.manual_seed(0)

    seen = touched(Branch(8, span), steps=80, changed=40)

    assert seen == list(range(40 - span // 2, 40 + span // 2 + 1))


def test_fused_branches_reach_as_far_as_the_longest() -> None:
    seen = touched(head("multiscale"), steps=80, changed=40)

    assert seen == list(range(24, 57))


@pytest.mark.parametrize("look_ahead", [0, 3, 8])
def test_a_causal_answer_stands_once_its_look_ahead_is_known(look_ahead: int) -> None:
    module = head("causal_gru", look_ahead=look_ahead)

    seen = touched(module, steps=40, changed=20)

    assert seen[0] == 20 - look_ahead


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gru", {"layers": 2}, "'layers' means nothing to the head 'gru'"),
        ("transformer", {"spans": [8]}, "it knows layers, heads, width"),
    ],
)
def test_options_of_another_head_are_refused(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnsupportedCheckpoint, match=message):
        ModelConfig("rny002", name, 16, 2, options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("transformer", {"layers": 0}),
        ("transformer", {"width": 30, "heads": 4}),
        ("transformer", {"dropout": 1.0}),
        ("multiscale", {"spans": []}),
        ("multiscale", {"spans": [7]}),
        ("multiscale", {"spans": 8}),
        ("causal_gru", {"look_ahead": -1}),
        ("causal_gru", {"look_ahead": True}),
    ],
)
def test_options_out_of_range_are_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(BadCheckpoint):
        ModelConfig("rny002", name, 16, 2, options)
