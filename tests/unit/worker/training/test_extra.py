"""What the extra `train` brings: all that a training may need."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[4]


def test_a_machine_that_trains_can_make_the_8_bit_form() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]

    def named(extra: str) -> set[str]:
        return {Requirement(one).name for one in extras[extra]}

    assert named("int8") <= named("train")
