"""The time of each stage of a job is added up over its runs."""

from worker.stages import StageClock


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_each_stage_has_the_time_until_the_next_one_is_entered() -> None:
    clock = Clock()
    stages = StageClock(clock=clock)

    clock.now += 1
    stages.enter("probe")
    clock.now += 2
    stages.enter("spot")
    clock.now += 4
    stages.enter("spot")
    clock.now += 8

    assert stages.seconds() == {"start": 1, "probe": 2, "spot": 12}


def test_a_stage_that_is_entered_again_goes_on() -> None:
    clock = Clock()
    stages = StageClock(clock=clock)
    for stage in ("decode", "encode", "decode"):
        stages.enter(stage)
        clock.now += 1

    assert stages.seconds() == {"start": 0, "decode": 2, "encode": 1}


def test_a_later_run_adds_to_what_earlier_ones_took() -> None:
    clock = Clock()
    stages = StageClock({"start": 1.0, "probe": 5.0}, clock=clock)
    stages.enter("probe")
    clock.now += 0.25

    assert stages.seconds() == {"start": 1.0, "probe": 5.25}


def test_looking_twice_counts_nothing_twice() -> None:
    clock = Clock()
    stages = StageClock(clock=clock)
    clock.now += 3

    assert stages.seconds() == stages.seconds() == {"start": 3}
