"""What a user reads of a run that failed."""

import shutil
from collections import namedtuple
from pathlib import Path
from uuid import uuid4

import pytest

from app.core.errors import StorageFull
from app.core.storage.local_cache import LocalCache
from app.jobs.kinds import JobKind
from worker.job_task import JobTask
from worker.outcomes import failure_of

Usage = namedtuple("Usage", "total used free")


def test_a_cache_folder_that_is_too_small_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000, 1, 999))
    task = JobTask(uuid4(), JobKind.SPOT, uuid4(), "k", {}, 1, uuid4())

    cache = LocalCache(tmp_path, 10**6)
    with (
        pytest.raises(StorageFull) as told,
        cache.holding("f" * 64, 1000, lambda *_: b""),
    ):
        pass
    failure = failure_of(told.value, task)

    assert (failure.code, failure.retryable) == ("storage_full", True)
    assert str(tmp_path) in failure.detail
    assert "TOUCHLINE_CACHE_DIR" in failure.detail
