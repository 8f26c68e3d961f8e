"""A short run of chaos; `make chaos` does ten long ones.

Other tests run beside it: how soon the service is ready again, `make chaos` measures.
"""

import os
from pathlib import Path

import pytest

from tests.chaos.plan import Plan
from tests.chaos.run import run_chaos


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_nothing_is_lost_whatever_is_killed(checkpoint: Path, tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED", "18"))
    plan = Plan(
        seed,
        videos=16,
        minutes=0.6,
        pause_s=(1.0, 4.0),
        logs=tmp_path,
        ready_within_s=300.0,
    )

    wrong = run_chaos(plan, checkpoint)

    assert wrong == [], f"again with: {plan.command}"
