"""What a spotting says of the checkpoint that ran."""

from dataclasses import replace

import pytest

from tests.unit.model.checkpoint.checkpoints import tiny_manifest
from worker.handlers.spot import checkpoint_facts


@pytest.mark.parametrize("sides", [("left", "right"), ("home", "away")])
def test_a_checkpoint_names_the_teams_that_it_tells_apart(
    sides: tuple[str, str],
) -> None:
    plain = tiny_manifest()
    config = replace(plain.config, outputs={"team": {"sides": list(sides)}})

    facts = checkpoint_facts(replace(plain, config=config), engine="openvino/float32")

    assert facts["teams"] == list(sides)
    assert (facts["name"], facts["engine"]) == ("tiny", "openvino/float32")
    assert "teams" not in checkpoint_facts(plain, engine="openvino/float32")
