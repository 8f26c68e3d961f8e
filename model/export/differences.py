"""How far an exported network is from torch, output by output."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from model.engines.runtime import Floats
from model.errors import EngineError
from model.network.outputs import SCORES

# Largest difference from torch that an exported network may show: of scores and
# shares, which are in [0, 1], and of displacements, in steps.
TOLERANCE = 1e-3

Differences = Mapping[str, float]


def largest(
    found: Sequence[Mapping[str, Floats]], expected: Sequence[Mapping[str, Floats]]
) -> Differences:
    """Give each output's largest absolute difference over some inputs.

    Raises:
        ValueError: the two do not have the same outputs.
    """
    worst: dict[str, float] = {}
    for ours, theirs in zip(found, expected, strict=True):
        if list(ours) != list(theirs):
            raise ValueError(f"outputs {list(ours)} instead of {list(theirs)}")
        for name in ours:
            difference = float(np.abs(ours[name] - theirs[name]).max(initial=0.0))
            # NumPy's: Python's would let go of NaN.
            worst[name] = float(np.maximum(worst.get(name, 0.0), difference))
    return worst


def check_differences(differences: Differences, who: str) -> None:
    """Refuse an export that is too far from torch.

    Raises:
        EngineError: an output differs by more than `TOLERANCE`, or is NaN.
    """
    for name, difference in differences.items():
        if not difference <= TOLERANCE:
            raise EngineError(
                f"{name} of {who} differ from torch's by {difference:.1e}, more than "
                f"{TOLERANCE:.0e}; the export was not kept"
            )


def difference_facts(differences: Differences) -> dict[str, Any]:
    """Give what a checkpoint's manifest keeps of them."""
    others = {name: worst for name, worst in differences.items() if name != SCORES}
    facts: dict[str, Any] = {"max_score_difference": differences[SCORES]}
    return facts | ({"max_differences": others} if others else {})
