"""How long a head is trained: as material and time allow, its cosine included."""

import pytest

from model.teaching.configuration import head_schedule
from model.teaching.recipe import Recipe

CLIP_LEN = 64
MINUTE = 600  # steps, at 10 a second


def plan(
    minutes: float, *, step_s: float = 0.05, room_s: float = 3600.0
) -> tuple[int, int]:
    return head_schedule(
        Recipe(),
        known_steps=round(minutes * MINUTE),
        val_steps=round(minutes * MINUTE / 4),
        clip_len=CLIP_LEN,
        step_s=step_s,
        room_s=room_s,
    )


@pytest.mark.parametrize(
    ("minutes", "steps", "apart"),
    [(2, 150, 12), (5, 156, 13), (10, 312, 26), (20, 625, 50), (40, 900, 50)],
)
def test_more_material_is_learned_from_for_longer(
    minutes: float, steps: int, apart: int
) -> None:
    assert plan(minutes) == (steps, apart)


def test_with_little_time_it_is_shorter_and_its_validations_are_counted() -> None:
    steps, apart = plan(40, step_s=1.0, room_s=400.0)

    validations = (Recipe().head_validations + 1) * 2 / 3 * 6000 / (12 * CLIP_LEN)
    assert steps == int(0.85 * 400 - validations)
    assert apart == steps // 12


def test_with_next_to_no_time_it_is_still_a_schedule() -> None:
    assert plan(40, step_s=10.0, room_s=1.0) == (10, 10)


def test_a_head_ends_after_a_third_of_its_schedule_without_a_gain() -> None:
    for minutes in (2, 10, 20):
        steps, apart = plan(minutes)
        assert Recipe().patience * apart == pytest.approx(steps / 3, rel=0.08)
