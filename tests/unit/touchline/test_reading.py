"""Answers become frozen objects, or are told to be none of this service."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from touchline.client.errors import (
    ApiProblem,
    BadAnswer,
    ChangedMeanwhile,
    ClientError,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    ServiceProblem,
    TooManyRequests,
    problem_kind,
)
from touchline.client.reading import read


@dataclass(frozen=True, slots=True)
class Part:
    name: str


@dataclass(frozen=True, slots=True)
class Thing:
    number: int
    share: float
    at: datetime
    part: Part | None
    parts: tuple[Part, ...]
    counts: Mapping[str, int]
    value: str | bool | int | float
    later: str | None = None


GOOD = {
    "number": 7,
    "share": 1,
    "at": "2026-01-02T03:04:05+00:00",
    "part": None,
    "parts": [{"name": "a"}],
    "counts": {"PASS": 3},
    "value": True,
}


def test_members_get_their_types_and_new_ones_are_left_out() -> None:
    found = read(Thing, {**GOOD, "mood": "good"})

    assert found.at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert isinstance(found.share, float)
    assert (found.parts, found.value, found.later) == ((Part("a"),), True, None)
    with pytest.raises(TypeError):
        found.counts["PASS"] = 4  # type: ignore[index] # it cannot be changed


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"number": "7"}, r"answer.number should be a whole number, but is '7'"),
        ({"number": True}, r"answer.number should be"),
        ({"share": None}, r"answer.share should be a number"),
        ({"at": "soon"}, r"answer.at should be a time"),
        ({"part": 3}, r"answer.part is no JSON object"),
        ({"parts": {}}, r"answer.parts should be a list"),
        ({"parts": [{}]}, r"answer.parts\[0\] has no member 'name'"),
        ({"counts": {"PASS": None}}, r"answer.counts.PASS should be"),
        ({"value": []}, r"answer.value should be"),
    ],
)
def test_a_member_of_another_type_is_named(
    changed: dict[str, object], words: str
) -> None:
    with pytest.raises(BadAnswer, match=words):
        read(Thing, {**GOOD, **changed})


@pytest.mark.parametrize("answer", [None, [], "hi", {}])
def test_what_is_no_such_object_is_told(answer: object) -> None:
    with pytest.raises(BadAnswer):
        read(Thing, answer)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, InvalidRequest) for status in (400, 413, 415, 422)),
        *((401, NotAuthenticated), (403, NotAllowed), (404, NotFound)),
        *((409, Conflict), (412, ChangedMeanwhile), (428, ChangedMeanwhile)),
        *((429, TooManyRequests), (500, ServiceProblem), (507, ServiceProblem)),
        (418, ApiProblem),
    ],
)
def test_each_status_has_its_class(status: int, kind: type[ApiProblem]) -> None:
    assert problem_kind(status) is kind
    assert issubclass(kind, ClientError)
