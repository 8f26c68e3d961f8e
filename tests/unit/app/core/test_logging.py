"""One path for every voice: structlog's, the standard library's and uvicorn's."""

import json
import subprocess
import sys

import pytest

SPEAK = """
import logging, sys
import structlog
import uvicorn
from app.core.logging import configure_logging
uvicorn.Config("app.main:create_app", factory=True)  # brings handlers of its own
configure_logging(sys.argv[1])
structlog.get_logger("ours").info("job_started", job="42")
logging.getLogger("theirs").warning("plain %s", "words")
logging.getLogger("uvicorn.access").info("%s", "GET /videos")
logging.getLogger("kombu").info("chatter")
secret = "hunter2"
try:
    raise ValueError("broken")
except ValueError:
    structlog.get_logger("ours").exception("bug")
"""


def test_json_is_one_object_a_line_without_the_values_of_variables() -> None:
    lines = [json.loads(line) for line in _speak("json").splitlines()]

    assert [line["event"] for line in lines] == [
        *("job_started", "plain words", "GET /videos", "bug"),
    ]
    assert lines[0]["job"] == "42"
    assert [line["level"] for line in lines] == ["info", "warning", "info", "error"]
    assert "ValueError" in json.dumps(lines[-1]["exception"])
    assert "hunter2" not in json.dumps(lines)


@pytest.mark.slow
def test_the_console_tells_the_same_in_lines_for_people() -> None:
    text = _speak("console")

    for words in ("job_started", "job=42", "plain words", "GET /videos", "ValueError"):
        assert words in text
    assert "chatter" not in text
    assert "hunter2" not in text


def _speak(log_format: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SPEAK, log_format],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr
