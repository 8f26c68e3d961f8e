"""What is waited for, where the service is away."""

import itertools
from dataclasses import dataclass

import pytest

from touchline.client.errors import NotReachable
from touchline.client.waiting import wait_until_final


@dataclass
class Thing:
    is_final: bool


def test_a_service_that_stays_away_is_not_waited_for_without_end() -> None:
    asked = itertools.count()

    def look() -> Thing:
        if next(asked) == 0:
            return Thing(is_final=False)
        raise NotReachable("nobody answers")

    with pytest.raises(NotReachable):
        wait_until_final(look, what="it", timeout_s=None, away_s=0.3, on_progress=None)

    assert next(asked) > 2  # it was asked again meanwhile


@pytest.mark.slow
def test_a_service_that_comes_back_in_time_is_followed_further() -> None:
    answers = iter([False, None, False, None, True])

    def look() -> Thing:
        answer = next(answers)
        if answer is None:
            raise NotReachable("nobody answers")
        return Thing(is_final=answer)

    assert wait_until_final(
        look, what="it", timeout_s=None, away_s=60.0, on_progress=None
    ).is_final
