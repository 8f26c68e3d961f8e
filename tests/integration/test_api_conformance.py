"""Schemathesis holds the API to its OpenAPI document, with a key and without.

One request of each operation here, every wrong value of each at night, always the same
ones; `make fuzz` runs it for as long as one likes.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.health.tables import WorkerHeartbeat
from tests.api_server import RunningApi, make_settings, running_api
from tests.databases import PostgresOfTests

KEY = "s3cret"
TESTS = Path(__file__).resolve().parents[1]
FUZZ_S = int(os.environ.get("TOUCHLINE_FUZZ_S", "0"))  # 0: short
SHORT = ("--generation-deterministic",)
ONE_EACH = (*SHORT, "--max-examples", "1", "--phases", "examples,fuzzing")
ALL_PHASES = (*SHORT, "--max-examples", "2")
PROGRAM = "from schemathesis.cli import schemathesis as run; run()"
FINAL_WORDS = 12_000  # characters of what is said at the end

pytestmark = [pytest.mark.timeout(max(900, 2 * FUZZ_S)), pytest.mark.costly]


@pytest.fixture(scope="module")
def api(
    postgres: PostgresOfTests, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningApi]:
    """A service with a key, ready, and a folder with a video to import."""
    folder = tmp_path_factory.mktemp("imports")
    (folder / "final.mp4").write_bytes(b"no video")
    with postgres.fresh_database() as url:
        settings = make_settings(
            data_dir=tmp_path_factory.mktemp("data"),
            database_url=url,
            api_key=KEY,
            import_dir=folder,
        )
        with running_api(settings) as running:
            now = datetime.now(UTC)
            ahead = now.replace(year=now.year + 1)  # they beat as long as it runs
            with running.service.sessions.begin() as session:
                for kind in ("gpu", "media", "background"):
                    swept = {"swept_at": ahead.isoformat()}
                    beat = WorkerHeartbeat(
                        name=kind, kind=kind, seen_at=ahead, info=swept
                    )
                    session.add(beat)
            yield running


def schemathesis(api: RunningApi, folder: Path, *options: str) -> str:
    """Run Schemathesis over the whole API; gives what it says if it finds a fault."""
    document = folder / "openapi.json"
    document.write_text(json.dumps(api.app.openapi()))
    settings = {"TOUCHLINE_FUZZ_S": "", "SCHEMATHESIS_HOOKS": "tests.conformance"}
    command = [
        *(sys.executable, "-c", PROGRAM),
        *("--config-file", str(TESTS / "conformance.toml")),
        *("run", str(document), "--url", api.url, "--no-color", "--warnings", "off"),
        *("--continue-on-failure", *options),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **settings, "PYTHONPATH": str(TESTS.parent)},
    )
    assert "Tested:" in done.stdout, done.stdout + done.stderr
    return "" if done.returncode == 0 else done.stdout[-FINAL_WORDS:]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(ONE_EACH, id="one request each"),
        pytest.param(ALL_PHASES, id="all phases", marks=pytest.mark.nightly),
    ],
)
def test_every_answer_to_an_admin_is_as_the_document_says(
    api: RunningApi, tmp_path: Path, options: tuple[str, ...]
) -> None:
    if FUZZ_S and options == ALL_PHASES:
        options = ("--max-time", str(FUZZ_S))
    header = ("--header", f"Authorization: Bearer {KEY}")

    faults = schemathesis(api, tmp_path, *header, *options)

    assert faults == "", faults


def test_without_a_key_every_answer_is_as_the_document_says(
    api: RunningApi, tmp_path: Path
) -> None:
    options = ("--max-time", str(max(1, FUZZ_S // 4))) if FUZZ_S else ONE_EACH

    faults = schemathesis(api, tmp_path, *options)

    assert faults == "", faults
