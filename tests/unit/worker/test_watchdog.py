"""What the parent of a GPU worker concludes from what it sees."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.core.settings import Settings
from worker.watchdog import Child, Limits, Observation, Remedy, Watchdog

LIMITS = Limits(silent_s=60, idle_s=60, loading_s=300, missing_s=60)
START = datetime(2026, 5, 1, tzinfo=UTC)
EVERY_S = 10.0
IDLE: Mapping[str, object] = {"state": "ready", "job": None, "runs": 3, "messages": 7}
BUSY: Mapping[str, object] = {**IDLE, "job": "01a2"}
LOADING: Mapping[str, object] = {
    "state": "loading",
    "job": None,
    "runs": 0,
    "messages": 0,
}


def look(
    number: int,
    info: Mapping[str, object],
    *,
    has_work: bool = False,
    messages: int | None = 0,
) -> Observation:
    """See a child whose heartbeat is fresh."""
    child = Child("here/1/1", START + timedelta(seconds=number * EVERY_S), info)
    return Observation(child, has_work=has_work, messages=messages)


def remedies(looks: list[Observation]) -> list[Remedy | None]:
    watch = Watchdog(LIMITS)
    diagnoses = [watch.diagnose(one, passed_s=EVERY_S) for one in looks]
    return [diagnosis.remedy if diagnosis else None for diagnosis in diagnoses]


@pytest.mark.parametrize("info", [IDLE, BUSY])
def test_a_worker_that_beats_is_left_alone_however_long(
    info: Mapping[str, object],
) -> None:
    assert set(remedies([look(number, info) for number in range(1000)])) == {None}


@pytest.mark.parametrize("info", [IDLE, BUSY])
def test_a_ready_child_without_a_heartbeat_is_replaced_after_the_limit(
    info: Mapping[str, object],
) -> None:
    seen = remedies([look(0, info)] * 8)

    assert seen == [None] * 6 + [Remedy.REPLACE_CHILD] * 2


def test_a_child_that_loads_may_be_silent_until_the_limit_of_loading() -> None:
    silent = [look(0, LOADING)] * 31
    never_heard = [replace(look(0, {}), child=Child("here/1/1", None, {}))] * 31

    for looks in (silent, never_heard):
        assert remedies(looks) == [None] * 30 + [Remedy.REPLACE_CHILD]


def test_a_new_child_gets_the_whole_time_to_load() -> None:
    first = [look(0, LOADING)] * 20
    second = [replace(look(0, {}), child=Child("here/2/2", None, {}))] * 20

    assert set(remedies(first + second)) == {None}


def test_jobs_that_wait_in_vain_for_an_idle_child_restart_the_worker() -> None:
    looks = [look(number, IDLE, has_work=True) for number in range(8)]

    assert remedies(looks) == [None] * 6 + [Remedy.RESTART] * 2


def test_jobs_that_wait_for_a_busy_child_or_that_soon_end_are_no_trouble() -> None:
    busy = [look(number, BUSY, has_work=True) for number in range(20)]
    quick = [
        look(number, {**IDLE, "runs": number}, has_work=True) for number in range(20)
    ]

    assert set(remedies(busy)) == {None}
    assert set(remedies(quick)) == {None}


def test_messages_that_nobody_receives_restart_the_worker_once_it_is_idle() -> None:
    deaf = [look(number, IDLE, messages=2) for number in range(8)]
    heard = [
        look(number, {**IDLE, "messages": number}, messages=2) for number in range(20)
    ]
    busy = [look(number, BUSY, messages=2) for number in range(20)]

    assert remedies(deaf) == [None] * 6 + [Remedy.RESTART] * 2
    assert set(remedies(heard)) == {None}
    assert set(remedies(busy)) == {None}


def test_a_broker_that_does_not_answer_is_not_the_workers_trouble() -> None:
    looks = [look(number, IDLE, messages=None) for number in range(20)]

    assert set(remedies(looks)) == {None}


def test_a_pool_that_makes_no_child_anew_restarts_the_worker() -> None:
    looks = [Observation(None, has_work=False, messages=0)] * 8

    assert remedies(looks) == [None] * 6 + [Remedy.RESTART] * 2


def test_a_trouble_with_a_break_begins_anew() -> None:
    trouble, break_ = look(0, IDLE, has_work=True), look(1, IDLE)

    assert set(remedies([*[trouble] * 6, break_, *[trouble] * 6])) == {None}


def test_time_without_a_look_is_no_evidence() -> None:
    watch = Watchdog(LIMITS)
    for _ in range(6):
        watch.diagnose(look(0, IDLE), passed_s=EVERY_S)

    watch.forget()  # The database was away.

    assert watch.diagnose(look(0, IDLE), passed_s=EVERY_S) is None


def test_an_old_heartbeat_says_nothing_of_what_the_child_does_now() -> None:
    """It may have taken the job, and be too busy to say so."""
    looks = [look(0, IDLE, has_work=True, messages=1)] * 6

    assert set(remedies(looks)) == {None}


def test_a_diagnosis_says_what_was_seen_and_for_how_long() -> None:
    watch = Watchdog(LIMITS)
    for _ in range(6):
        watch.diagnose(look(0, IDLE), passed_s=EVERY_S)

    diagnosis = watch.diagnose(look(0, IDLE), passed_s=EVERY_S)

    assert diagnosis is not None
    assert diagnosis.reason == "no heartbeat came for 60 s"


def test_a_child_is_given_up_no_sooner_than_its_lease() -> None:
    limits = Limits.of(Settings(lease=timedelta(seconds=90)))

    assert limits.silent_s == 90


def test_children_that_end_one_after_another_before_they_are_ready_end_the_worker() -> (
    None
):
    new = [
        Observation(Child(f"here/{number}/1", None, {}), has_work=False, messages=0)
        for number in range(4)
    ]

    assert remedies(new) == [None, None, None, Remedy.RESTART]
    assert remedies([*new[:3], look(3, IDLE), new[3]]) == [None] * 5
