"""What `touchline batch` refuses before anything is asked for."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.main import touchline

NOBODY = "http://127.0.0.1:9"  # the port of nobody: it is never asked


def refused(*words: str | Path) -> str:
    """Type a batch that cannot be; returns what is said of it."""
    result = CliRunner().invoke(
        touchline,
        ["batch", *map(str, words), "--url", NOBODY],
        env={"COLUMNS": "400"},
    )
    assert result.exit_code == 2, result.output
    return result.stderr


@pytest.mark.parametrize("is_there", [False, True])
def test_failures_do_not_go_where_the_events_go(tmp_path: Path, is_there: bool) -> None:
    out, link = tmp_path / "events.csv", tmp_path / "failures.csv"
    link.symlink_to(out)
    if is_there:
        out.write_text("mine")

    said = refused("imports:", "--out", out, "--failures", link, "--force")

    assert "both" in said
    assert not is_there or out.read_text() == "mine"


@pytest.mark.parametrize("name", ["matches.txt", "matches.csv", "matches.jsonl"])
def test_a_manifest_in_another_encoding_is_named(tmp_path: Path, name: str) -> None:
    manifest = tmp_path / name
    manifest.write_bytes("url\nhttps://example.org/Köln.mp4\n".encode("latin-1"))

    said = refused(manifest, "--estimate")

    assert f"{name} is not in UTF-8" in said
