"""`touchline trainings`, against a real database and what somebody reviewed."""

import os
import subprocess
import sys
from uuid import UUID

import pytest

from app.trainings.service import add_line
from tests.api_server import RunningApi
from tests.integration.reviewed_matches import add_match

pytestmark = pytest.mark.costly


def touchline(api: RunningApi, *words: str) -> subprocess.CompletedProcess[str]:
    settings = api.service.settings
    return subprocess.run(
        [sys.executable, "-m", "touchline", "trainings", *words],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "TOUCHLINE_DATABASE_URL": str(settings.database_url),
            "TOUCHLINE_DATA_DIR": str(settings.data_dir),
        },
        timeout=120,
    )


def asked(api: RunningApi) -> str:
    """Ask for a training over the API; gives its id."""
    add_match(api)
    made = api.client.post("/trainings", json={"name": "hall"})
    assert made.status_code == 202, made.text
    return str(made.json()["id"])


def test_what_is_reviewed_is_told_with_what_is_missing(api: RunningApi) -> None:
    add_match(api)

    ready = touchline(api, "readiness")

    assert ready.returncode == 0, ready.stderr
    assert "PASS\t3 events\t0 rejected" in ready.stdout
    assert "note: Fewer than three matches" in ready.stderr


def test_a_training_is_started_as_it_is_asked_for(api: RunningApi) -> None:
    video = add_match(api)

    started = touchline(
        *(api, "start", "hall", "--type", "TOUCH", "--map", "PASS=TOUCH"),
        *("--map", "DRIVE=", "--video", str(video), "--minutes", "5"),
    )

    assert started.returncode == 0, started.stderr
    assert "note: TOUCH: 3 events are reviewed" in started.stderr
    seen = api.client.get(f"/trainings/{started.stdout.strip()}").json()
    assert (seen["mapping"], seen["minutes"]) == ({"PASS": "TOUCH", "DRIVE": None}, 5)
    assert (seen["videos"], seen["created_by"]) == ([str(video)], "local")


def test_what_is_held_out_is_chosen(api: RunningApi) -> None:
    add_match(api, "other.mp4")
    video = str(add_match(api))

    named = touchline(api, "start", "hall", "--hold-out", video)
    share = touchline(api, "start", "hall", "--hold-out-share", "0.3")
    both = touchline(
        *(api, "start", "hall", "--hold-out", video, "--hold-out-share", "0.3")
    )

    assert both.returncode == 1
    assert "holdout: name either videos or a share" in both.stderr
    told = [
        api.client.get(f"/trainings/{one.stdout.strip()}").json()["holdout"]
        for one in (named, share)
    ]
    assert told == [{"videos": [video], "share": None}, {"videos": None, "share": 0.3}]


def test_a_training_is_listed_and_shown(api: RunningApi) -> None:
    training_id = asked(api)
    with api.service.sessions.begin() as session:
        add_line(session, UUID(training_id), "reads the matches")

    listed = touchline(api, "list")
    shown = touchline(api, "show", training_id)

    assert f"{training_id}\thall\t-\tqueued" in listed.stdout
    assert "hall from arena-rny002: queued" in shown.stdout
    assert "reads the matches" in shown.stdout


def test_a_training_is_canceled_once(api: RunningApi) -> None:
    training_id = asked(api)

    canceled = touchline(api, "cancel", training_id)
    again = touchline(api, "cancel", training_id)

    assert (canceled.returncode, canceled.stderr.strip()) == (0, "canceled")
    assert again.returncode == 1
    assert "canceled already" in again.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("start", "hall"), "Nothing is reviewed"),
        (("start", "hall", "--minutes", "0"), "minutes: Input should be greater"),
        (("start", "hall", "--project", "nobody"), "no project is called"),
    ],
)
def test_what_cannot_be_is_one_line_of_what_to_do(
    api: RunningApi, words: tuple[str, ...], says: str
) -> None:
    done = touchline(api, *words)

    assert done.returncode == 1
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
