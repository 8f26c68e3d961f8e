"""What the doctor says of a real replica, and of what is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.doctor.findings import State
from app.doctor.replica import check_replica
from tests.api_server import make_settings
from tests.replicas import Pair, running_pair

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with running_pair() as made:
        yield made


@pytest.mark.parametrize(
    ("which", "state", "words"),
    [
        ("replica", State.OK, "bytes of log behind"),
        ("primary", State.PROBLEM, "no replica"),
        ("another", State.PROBLEM, "another database"),
        ("nobody", State.WARNING, "does not answer"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_it(
    pair: Pair, tmp_path: Path, which: str, state: State, words: str
) -> None:
    urls = {
        "replica": pair.replica_url,
        "primary": pair.url,
        "another": pair.replica_url.replace("/touchline?", "/postgres?"),
        "nobody": "postgresql://postgres:secret@127.0.0.1:1/touchline",
    }
    settings = make_settings(
        data_dir=tmp_path, database_url=pair.url, database_read_url=urls[which]
    )

    found = list(check_replica(settings))

    assert [one.state for one in found] == [state]
    assert words in found[0].words
    assert "secret" not in found[0].words
