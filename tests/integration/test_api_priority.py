"""Jobs that are asked for with a higher priority run before older ones."""

from typing import Any
from uuid import UUID

import pytest

from app.jobs.claiming import claimable_jobs
from app.jobs.kinds import JobKind
from tests.api_server import RunningApi

TOO_MUCH = ["11", "-11", "1.5", "high", "99999999999999999999"]


def upload(api: RunningApi, **fields: str) -> dict[str, Any]:
    answer = api.client.post("/videos", files={"file": b"bytes"}, data=fields)
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


def waiting(api: RunningApi, kind: JobKind) -> list[UUID]:
    """List the jobs of a kind in the order in which workers take them."""
    statement = claimable_jobs(
        kinds=[kind], max_attempts=3, max_interruptions=3, limit=10
    )
    with api.service.sessions() as session:
        return list(session.scalars(statement))


def test_an_upload_of_higher_priority_is_analysed_first(api: RunningApi) -> None:
    usual, low, high, usual_too = (
        upload(api, **fields)
        for fields in ({}, {"priority": "-10"}, {"priority": "10"}, {"priority": "0"})
    )

    order = [UUID(one["job"]["id"]) for one in (high, usual, usual_too, low)]

    assert waiting(api, JobKind.SPOT) == order
    assert high["job"]["priority"] == 10
    page = api.client.get(f"/videos/{high['id']}/jobs?kind=thumbnails").json()
    assert waiting(api, JobKind.THUMBNAILS)[0] == UUID(page["items"][0]["id"])


def test_a_job_of_higher_priority_runs_before_the_uploads_that_wait(
    api: RunningApi,
) -> None:
    videos = [upload(api) for _ in range(2)]

    answer = api.client.post(f"/videos/{videos[1]['id']}/jobs", json={"priority": 3})

    assert answer.status_code == 202
    assert answer.json()["priority"] == 3
    assert waiting(api, JobKind.SPOT)[0] == UUID(answer.json()["id"])


@pytest.mark.parametrize("priority", TOO_MUCH)
def test_a_priority_out_of_bounds_is_refused(api: RunningApi, priority: str) -> None:
    video = upload(api)

    form = {"priority": priority}
    uploaded = api.client.post("/videos", files={"file": b"b"}, data=form)
    json = {"priority": priority}
    asked = api.client.post(f"/videos/{video['id']}/jobs", json=json)

    assert (uploaded.status_code, asked.status_code) == (422, 422)
    assert "-10" in uploaded.json()["detail"]
    assert len(waiting(api, JobKind.SPOT)) == 1


def test_another_priority_is_another_request_for_a_key(api: RunningApi) -> None:
    path = f"/videos/{upload(api)['id']}/jobs"
    headers = {"Idempotency-Key": "one"}

    first = api.client.post(path, json={}, headers=headers)
    same = api.client.post(path, json={"priority": 0}, headers=headers)
    other = api.client.post(path, json={"priority": 1}, headers=headers)

    assert first.json()["id"] == same.json()["id"]
    assert other.status_code == 422
