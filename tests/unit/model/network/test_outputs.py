"""Named outputs: what a config declares is what a network gives."""

from typing import Any

import pytest
import torch

from model.errors import BadCheckpoint, UnsupportedCheckpoint
from model.network.activations import activate
from model.network.config import ModelConfig
from model.network.outputs import Displacement, Output, Scores, Team
from model.network.spotter import Spotter

ALL: dict[str, Any] = {
    "team": {"sides": ["home", "away"]},
    "displacement": {"radius": 4},
    "scores": {"activation": "sigmoid"},
}
HEADS = ("", "gru", "deeper_gru", "transformer", "multiscale", "causal_gru")


def config(head: str = "gru", **outputs: Any) -> ModelConfig:
    """A small network's config."""
    return ModelConfig("rny002", head, 8, 2, outputs=outputs)


def test_scores_come_first_and_are_all_there_is_by_default() -> None:
    plain, full = config(), config(**ALL)

    assert plain.declared_outputs == (Output("scores", 3, "softmax", True),)
    assert plain.output_options == {"scores": Scores()}
    assert [output.name for output in full.declared_outputs] == [
        "scores",
        "displacement",
        "team",
    ]
    assert full.output_options["displacement"] == Displacement(radius=4)
    assert full.output_options["team"] == Team(sides=("home", "away"))


def test_a_config_comes_back_from_json_and_older_ones_have_scores_alone() -> None:
    full = config(**ALL)
    old = {key: value for key, value in config().to_dict().items() if key != "outputs"}

    assert ModelConfig.from_dict(full.to_dict()) == full
    assert ModelConfig.from_dict(old) == config()


def test_defaults_said_aloud_are_the_same_network() -> None:
    assert config(scores={"activation": "softmax"}) == config()
    assert config(team={}) == config(team={"sides": ["left", "right"]})
    assert config(team={}) != config(team={"sides": ["right", "left"]})


@pytest.mark.parametrize(
    ("outputs", "named"),
    [
        ({"scores": {"activation": "tanh"}}, r"outputs\.scores\.activation.*'softmax'"),
        ({"displacement": {"radius": 0}}, r"outputs\.displacement\.radius.*1, got 0"),
        ({"displacement": {"radius": True}}, r"outputs\.displacement\.radius"),
        ({"displacement": {"reach": 2}}, r"outputs\.displacement\.reach"),
        ({"team": {"sides": ["left"]}}, r"outputs\.team\.sides"),
        ({"team": []}, r"outputs\.team"),
    ],
)
def test_options_out_of_range_are_refused_by_name(outputs: Any, named: str) -> None:
    with pytest.raises(BadCheckpoint, match=named):
        config(**outputs)


def test_an_output_of_a_later_release_is_refused() -> None:
    with pytest.raises(
        UnsupportedCheckpoint, match=r"ball.*knows scores, displacement"
    ):
        config(ball={})


@pytest.mark.parametrize("head", HEADS)
def test_every_head_gives_every_declared_output(head: str) -> None:
    torch.manual_seed(0)
    spotter = Spotter(config(head, **ALL)).eval()
    clip = torch.randint(0, 256, (2, 5, 3, 32, 48), dtype=torch.uint8)

    with torch.no_grad():
        outputs = spotter(clip)

    shapes = {name: tuple(values.shape) for name, values in outputs.items()}
    assert shapes == {
        "scores": (2, 5, 3),
        "displacement": (2, 5, 1),
        "team": (2, 5, 2),
    }


def test_further_outputs_add_their_keys_and_change_no_score() -> None:
    torch.manual_seed(0)
    plain = Spotter(config()).eval()
    full = Spotter(config(**ALL)).eval()
    full.load_state_dict(plain.state_dict(), strict=False)
    features = torch.randn(2, 7, plain.feature_dim)

    added = set(full.state_dict()) - set(plain.state_dict())

    assert added == {
        f"_output_heads.{name}.{kind}"
        for name in ("displacement", "team")
        for kind in ("weight", "bias")
    }
    with torch.no_grad():
        assert torch.equal(
            full.head(features)["scores"], plain.head(features)["scores"]
        )


def test_further_outputs_are_read_from_what_the_classifier_sees() -> None:
    spotter = Spotter(config(**ALL)).eval()
    seen: list[torch.Tensor] = []
    spotter.temporal_head.classifier.register_forward_pre_hook(
        lambda _, args: seen.append(args[0])
    )

    with torch.no_grad():
        outputs = spotter.head(torch.randn(1, 6, spotter.feature_dim))

    layer = spotter.get_submodule("_output_heads.team")
    assert torch.equal(outputs["team"], layer(seen[0]))


def test_each_output_has_its_own_activation() -> None:
    raw = {
        "scores": torch.tensor([[0.0, 2.0, -1.0]]),
        "displacement": torch.tensor([[-3.5]]),
        "team": torch.tensor([[1.0, 1.0]]),
    }

    soft = activate(raw, config(displacement={}, team={}))
    own = activate({"scores": raw["scores"]}, config(**ALL))

    assert soft["scores"].sum().item() == pytest.approx(1)
    assert soft["displacement"].tolist() == [[-3.5]]
    assert soft["team"].tolist() == [[0.5, 0.5]]
    # Two labels may be likely at once; the background is what the likelier leaves.
    high, low = 1 / (1 + 2.718281828**-2), 1 / (1 + 2.718281828)
    assert own["scores"][0].tolist() == pytest.approx([1 - high, high, low])


def test_half_precision_is_activated_in_float32() -> None:
    raw = {"scores": torch.randn(4, 3).half()}

    assert activate(raw, config())["scores"].dtype == torch.float32


def test_an_output_that_is_not_declared_is_no_ones() -> None:
    with pytest.raises(KeyError):
        activate({"team": torch.zeros(1, 2)}, config())
