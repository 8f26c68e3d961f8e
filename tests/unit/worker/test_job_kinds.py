"""A kind of job is registered once: its entry names the handler and the queue."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.workers import WORKERS
from app.jobs.kinds import KINDS, JobKind, stage_of
from worker.job_task import load_handlers

HEAVY = {"torch", "openvino", "fastapi"}
GLOSSARY = Path(__file__).parents[3] / "docs" / "glossary.md"


def test_the_glossary_names_every_kind() -> None:
    (listed,) = re.findall(r"work of some kind \((.*?)\)", GLOSSARY.read_text())

    assert set(re.findall(r"`(\w+)`", listed)) == set(JobKind), GLOSSARY


@pytest.mark.parametrize("kind", JobKind)
def test_the_worker_of_its_queue_has_the_handler_of_a_kind(kind: JobKind) -> None:
    handler = load_handlers(KINDS[kind].queue)[kind]

    module, name = KINDS[kind].handler.split(":")
    assert (handler.__module__, handler.__name__) == (module, name)


def test_every_queue_has_a_worker() -> None:
    assert {spec.queue for spec in KINDS.values()} <= set(WORKERS)


@pytest.mark.costly
@pytest.mark.parametrize(
    ("queue", "heavy"),
    [
        ("media", HEAVY),
        ("train", HEAVY),
        ("gpu", {"torch", "fastapi"}),
        ("live", {"torch", "fastapi"}),
    ],
)
@pytest.mark.slow
def test_handlers_load_no_framework_that_they_do_not_need(
    queue: str, heavy: set[str]
) -> None:
    look = (
        "import sys; from worker.job_task import load_handlers; "
        f"load_handlers({queue!r}); print(*sys.modules)"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", look], check=True, capture_output=True, text=True
    )

    assert not heavy & set(loaded.stdout.split())


@pytest.mark.parametrize(
    ("kind", "status", "stage", "shown"),
    [
        ("spot", "queued", None, None),
        ("spot", "queued", "spot", "spot"),  # its segments are run
        ("spot", "running", None, None),
        ("spot", "running", "decode", "decode"),
        ("spot", "succeeded", "store", None),
        ("download", "queued", None, "download"),
        ("download", "running", None, "download"),
        ("import", "queued", None, "copy"),
        ("import", "failed", "copy", None),
        ("join", "queued", None, "join"),
        ("join", "running", "encode", "encode"),
    ],
)
def test_a_job_that_waits_shows_what_all_of_its_kind_do(
    kind: str, status: str, stage: str | None, shown: str | None
) -> None:
    assert stage_of(kind, status, stage) == shown
