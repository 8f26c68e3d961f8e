"""A run that hangs is told from one that works, waits or has ended."""

from uuid import uuid4

from worker.activity import Activity, Stalled

JOB = uuid4()


def test_a_run_without_a_sign_of_progress_has_stalled_after_the_limit() -> None:
    activity = Activity()
    stalled = Stalled(activity, limit_s=3)

    with activity.running(JOB):
        seen = [stalled.look(passed_s=1) for _ in range(5)]

    assert seen == [None, None, None, JOB, JOB]


def test_a_run_that_gives_signs_goes_on_for_ever() -> None:
    activity = Activity()
    stalled = Stalled(activity, limit_s=3)

    with activity.running(JOB):
        for _ in range(100):
            activity.touch()
            assert stalled.look(passed_s=1) is None


def test_a_worker_without_a_job_never_stalls() -> None:
    stalled = Stalled(Activity(), limit_s=3)

    assert {stalled.look(passed_s=1) for _ in range(100)} == {None}


def test_the_same_job_begun_again_gets_the_whole_time() -> None:
    activity = Activity()
    stalled = Stalled(activity, limit_s=3)

    for _ in range(10):
        with activity.running(JOB):
            assert stalled.look(passed_s=1) is None
            assert stalled.look(passed_s=1) is None
