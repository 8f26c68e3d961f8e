"""`touchline keys` and `touchline projects`, against a real database."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import select

from app.core.db.session import make_engine
from app.keys.service import digest
from app.keys.tables import ApiKey
from app.projects.tables import Project

pytestmark = pytest.mark.costly


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


def touchline(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "touchline", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "TOUCHLINE_DATABASE_URL": url},
        timeout=60,
    )


def test_a_key_is_made_listed_and_revoked(url: str) -> None:
    assert touchline(url, "projects", "create", "Falcons").returncode == 0
    made = touchline(
        *(url, "keys", "create", "--name", "hall", "--scope", "review"),
        *("--scope", "write", "--expires", "30", "--rate", "60"),
        *("--project", "Falcons"),
    )
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    key_id = key.split("_")[1]
    listed = touchline(url, "keys", "list").stdout
    revoked = touchline(url, "keys", "revoke", key_id)

    assert "not shown again" in made.stderr
    assert key not in listed
    for word in (key_id, "hall", "Falcons", "review,write", "valid"):
        assert word in listed
    assert revoked.returncode == 0
    engine = make_engine(url, pool_size=1)
    with engine.connect() as connection:
        row = connection.execute(
            select(ApiKey.__table__, Project.name.label("project")).join(Project)
        ).one()
    engine.dispose()
    assert row.key_sha256 == digest(key)
    assert row.project == "Falcons"
    assert row.rate_per_minute == 60
    assert (row.expires_at - row.created_at).days == 30
    assert row.revoked_at is not None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("keys", "create", "--name", "x", "--scope", "all"), "no scope is called all"),
        (("keys", "create", "--name", "x", "--project", "y"), "no project is called"),
        (("keys", "revoke", "abc"), "no key is called 'abc'"),
        (("projects", "create", "default"), "there is a project called 'default'"),
        (("projects", "create", " "), "1 to 100 characters"),
        (("projects", "limit", "y"), "no project is called"),
        (("projects", "limit", "default", "--stored", "much"), "write it as 500GB"),
        (("projects", "limit", "default", "--stored", "-1"), "write it as 500GB"),
        (("projects", "limit", "default", "--queued-hours", "a"), "write it as 40"),
        (("projects", "limit", "default", "--queued-hours", "nan"), "from 0 to"),
    ],
)
def test_what_makes_no_sense_is_refused(
    url: str, words: tuple[str, ...], told: str
) -> None:
    refused = touchline(url, *words)

    assert refused.returncode == 1
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.nightly
def test_quotas_are_set_one_by_one_shown_and_lifted(url: str) -> None:
    limit = ("projects", "limit", "default")
    both = touchline(url, *limit, "--stored", "500GB", "--queued-hours", "40")
    one = touchline(url, *limit, "--queued-hours", "none")
    shown = touchline(url, *limit)

    assert both.stdout.splitlines() == [
        "stored\t0 bytes\tof 500 GB",
        "queued\t0.0 h\tof 40 h",
    ]
    assert one.stdout.splitlines()[1] == "queued\t0.0 h\tno quota"
    assert shown.stdout == one.stdout
    assert shown.stdout.splitlines()[0] == "stored\t0 bytes\tof 500 GB"
