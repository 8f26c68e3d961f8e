"""`touchline doctor` without a database: this machine, its files and checkpoints."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli.main import touchline
from app.doctor import machine
from app.doctor.findings import (
    State,
    ok,
    problem,
    run_checks,
    to_line,
    warning,
    worst_of,
)
from tests.api_server import make_settings
from tests.services import free_port

NO_ENGINE = {"TOUCHLINE_ENGINE": "openvino", "TOUCHLINE_PRECISION": "float16"}

NOBODY = 65534


def doctor(*words: str) -> Result:
    """Type the verb."""
    return CliRunner().invoke(touchline, ["doctor", *words])


def found(part: str) -> dict[str, Any]:
    """Run the verb; the worst finding of a part. No network is loaded, to be quick."""
    result = CliRunner().invoke(touchline, ["doctor", "--json"], env=NO_ENGINE)
    told = json.loads(result.stdout)
    its = [one for one in told["checks"] if one["part"] == part]
    order = list(State)
    worst: dict[str, Any] = max(its, key=lambda one: order.index(State(one["state"])))
    return worst


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave out the settings of the machine."""
    for name in os.environ:
        if name.startswith("TOUCHLINE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TOUCHLINE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TOUCHLINE_PORT", str(free_port()))
    return tmp_path / "data"


@pytest.mark.slow
def test_a_machine_before_the_first_start_has_no_problem_and_keeps_none(
    data_dir: Path,
) -> None:
    result = doctor()

    lines = result.stdout.splitlines()
    assert result.exit_code == 0, result.output
    assert {line.split()[0] for line in lines} <= {"ok", "warning"}
    for part in ("python", "decoder", "port", "disk", "engine", "webhook secret"):
        assert any(f" {part} " in line for line in lines), part
    assert not data_dir.exists()


def test_a_check_that_fails_hides_no_other() -> None:
    def broken() -> object:
        raise ValueError("two\nlines")

    def half() -> object:
        yield ok("b", "first")
        raise OSError("second")

    checks: Any = [("a", broken), ("b", half), ("c", lambda: warning("c", "x", "y"))]
    findings = list(run_checks(checks))

    states = [(one.part, one.state) for one in findings]
    assert states == [
        *(("a", State.PROBLEM), ("b", State.OK), ("b", State.PROBLEM)),
        ("c", State.WARNING),
    ]
    assert "\n" not in to_line(findings[0])
    assert worst_of(findings) is State.PROBLEM
    assert worst_of(findings[3:]) is State.WARNING
    assert worst_of([]) is State.OK


def test_what_may_not_be_looked_at_is_no_fault_of_ours(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "data").mkdir()
    settings = make_settings(data_dir=closed / "data")
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    else:
        closed.chmod(0)
    try:
        (found,) = run_checks([("disk", lambda: machine.check_disk(settings))])
    finally:
        os.seteuid(before)
        closed.chmod(0o700)

    assert (found.part, found.state) == ("disk", State.PROBLEM)
    assert str(closed) in found.words
    assert "as the user of the service" in found.remedy


def test_a_line_has_state_part_words_and_remedy() -> None:
    assert to_line(problem("disk", "it is full", "free some")).split(maxsplit=2) == [
        *("problem", "disk", "it is full: free some")
    ]


def test_a_port_that_something_else_uses_is_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "ANSWERS_WITHIN_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = make_settings(port=other.getsockname()[1])
        finding = machine.check_port(settings)

    assert finding.state is State.PROBLEM
    assert "TOUCHLINE_PORT" in finding.remedy


def test_an_address_of_no_machine_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = machine.check_port(make_settings(host="no-such-host.invalid"))

    assert finding.state is State.PROBLEM


@pytest.mark.costly
@pytest.mark.slow
def test_an_open_service_without_a_key_is_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOUCHLINE_HOST", "0.0.0.0")

    result = doctor()

    assert result.exit_code == 1
    (line,) = [one for one in result.stdout.splitlines() if " access " in one]
    assert line.startswith("problem")
    assert "TOUCHLINE_API_KEY" in line


def test_a_secret_that_others_may_read_is_told_and_not_mended(data_dir: Path) -> None:
    data_dir.mkdir()
    secret = data_dir / "webhook_secret"
    secret.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    secret.chmod(0o644)

    finding = found("data directory")

    assert finding["state"] == "warning"
    assert finding["remedy"] == f"chmod 600 {secret}"
    assert secret.stat().st_mode & 0o777 == 0o644
    secret.chmod(0o600)
    assert found("data directory")["state"] == "ok"


@pytest.mark.parametrize("kept", ["", "whsec_", "hunter2"])
def test_a_webhook_secret_that_cannot_be_used_is_a_problem(
    data_dir: Path, kept: str
) -> None:
    data_dir.mkdir()
    (data_dir / "webhook_secret").write_text(kept)

    finding = found("webhook secret")

    assert finding["state"] == "problem"
    assert "hunter2" not in json.dumps(finding)


def test_a_data_directory_that_is_a_file_is_a_problem(data_dir: Path) -> None:
    data_dir.write_text("")

    assert found("data directory")["state"] == "problem"


def test_a_disk_without_the_room_to_be_kept_free_is_a_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOUCHLINE_MIN_FREE_SPACE", "900PB")

    assert found("disk")["state"] == "problem"


def test_a_damaged_checkpoint_is_told_and_the_default_one_must_be_there(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data_dir / "models").mkdir(parents=True)
    (data_dir / "models" / "mine.touchline").write_bytes(b"rubbish")
    assert found("models")["state"] == "warning"

    monkeypatch.setenv("TOUCHLINE_MODEL", "mine")
    assert found("models")["state"] == "problem"

    monkeypatch.setenv("TOUCHLINE_MODEL", "nobody")
    assert "nobody" in found("models")["words"]
    assert found("models")["state"] == "problem"


def test_an_engine_that_cannot_run_the_model_is_a_problem() -> None:
    assert found("engine")["state"] == "problem"


@pytest.mark.costly
@pytest.mark.slow
def test_redis_that_does_not_answer_is_a_problem_and_no_other_line_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOUCHLINE_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")

    told = json.loads(doctor("--json").stdout)

    states = {one["part"]: one["state"] for one in told["checks"]}
    assert told["state"] == states["broker"] == "problem"
    assert {"database", "models"} <= set(states)


@pytest.mark.costly
@pytest.mark.slow
def test_every_trouble_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_DATABASE_URL", "postgresql://me:pw@127.0.0.1:1/x")
    monkeypatch.setenv("TOUCHLINE_IMPORT_DIR", "/no/such/folder")

    result = doctor("--json")

    troubles = [
        one for one in json.loads(result.stdout)["checks"] if one["state"] != "ok"
    ]
    assert {"database", "import folder"} <= {one["part"] for one in troubles}
    assert all(one["remedy"] for one in troubles)
    assert "pw" not in result.stdout
