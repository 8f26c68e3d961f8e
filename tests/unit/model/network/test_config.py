"""Look-ahead of a network, known from its config alone."""

from typing import Any

import pytest

from model.errors import BadCheckpoint, UnsupportedCheckpoint
from model.network.config import ModelConfig


def causal(arch: str = "rny002_gsm", **changes: Any) -> ModelConfig:
    fields: dict[str, Any] = {"options": {"look_ahead": 5}, "look_ahead_sites": 0}
    return ModelConfig(arch, "causal_gru", 96, 3, **fields | changes)


@pytest.mark.parametrize(
    ("config", "trunk", "whole"),
    [
        (causal(), 0, 5),
        (causal(look_ahead_sites=2), 4, 9),
        (causal("rny002_tsm", look_ahead_sites=2), 2, 7),
        (causal("rny002", look_ahead_sites=None), 0, 5),
        (causal(look_ahead_sites=None), None, None),
        (ModelConfig("rny002_gsm", "gru", 96, 3, look_ahead_sites=0), 0, None),
    ],
)
def test_look_ahead_is_the_backbones_and_the_heads(
    config: ModelConfig, trunk: int | None, whole: int | None
) -> None:
    assert (config.trunk_look_ahead, config.look_ahead) == (trunk, whole)


def test_a_config_that_looks_ahead_everywhere_reads_and_writes_as_before() -> None:
    before = ModelConfig("rny002_gsm", "gru", 96, 3).to_dict()

    assert "look_ahead_sites" not in before
    assert ModelConfig.from_dict(before).look_ahead_sites is None
    assert ModelConfig.from_dict(causal().to_dict()) == causal()


def test_look_ahead_that_cannot_be_is_refused() -> None:
    with pytest.raises(UnsupportedCheckpoint, match="has no shift"):
        causal("rny002", look_ahead_sites=1)
    with pytest.raises(BadCheckpoint, match="look_ahead_sites"):
        causal(look_ahead_sites=-1)
