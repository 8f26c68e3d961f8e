"""A run's files in object storage, on a real S3 server."""

import os
from pathlib import Path

import pytest

from model.errors import TrainingFailed
from model.training.checkpoint_uploads import (
    CheckpointBucket,
    refuse_to_replace_copies,
)
from model.training.files import KEPT
from model.training.processes import Launch
from tests.s3_server import S3OfTests

pytestmark = pytest.mark.slow

HOUR_S = 3600
NAME = "last.ckpt"


@pytest.fixture
def url(s3: S3OfTests, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3.fresh_bucket()}/runs/one"


def write(folder: Path, text: str, *, shift_s: int = 0) -> Path:
    """Write a file as a machine does whose clock is off."""
    folder.mkdir(exist_ok=True)
    path = folder / NAME
    path.write_text(text)
    written_at = path.stat().st_mtime + shift_s
    os.utime(path, (written_at, written_at))
    return path


def test_a_clock_that_is_slow_costs_no_steps(url: str, tmp_path: Path) -> None:
    bucket = CheckpointBucket(url)
    bucket.put(write(tmp_path / "a", "step 1", shift_s=-HOUR_S))
    path = write(tmp_path / "a", "step 2", shift_s=-HOUR_S)  # and then it was killed

    fetched = bucket.fetch_newer(tmp_path / "a", (NAME,))

    assert fetched == []
    assert path.read_text() == "step 2"


def test_a_clock_that_is_fast_hides_nothing_that_another_machine_did(
    url: str, tmp_path: Path
) -> None:
    bucket = CheckpointBucket(url)
    path = write(tmp_path / "a", "step 1", shift_s=HOUR_S)
    bucket.put(path)
    assert bucket.fetch_newer(tmp_path / "b", (NAME,)) == [NAME]
    bucket.put(write(tmp_path / "b", "step 5"))

    fetched = bucket.fetch_newer(tmp_path / "a", (NAME,))
    again = bucket.fetch_newer(tmp_path / "a", (NAME,))

    assert (fetched, again) == ([NAME], [])
    assert path.read_text() == "step 5"


def test_a_new_run_replaces_no_other_ones_copies_unasked(
    url: str, tmp_path: Path
) -> None:
    bucket = CheckpointBucket(url)
    refuse_to_replace_copies(bucket, KEPT, Launch(1), may_replace=False)
    bucket.put(write(tmp_path / "a", "step 1"))

    with pytest.raises(TrainingFailed, match=r"holds last\.ckpt of an earlier run"):
        refuse_to_replace_copies(bucket, KEPT, Launch(1), may_replace=False)
    refuse_to_replace_copies(bucket, KEPT, Launch(2, local_rank=1), may_replace=True)
    kept = bucket.existing(KEPT)
    refuse_to_replace_copies(bucket, KEPT, Launch(1), may_replace=True)

    assert kept == NAME
    assert bucket.existing(KEPT) is None  # so that no resume goes on with them
