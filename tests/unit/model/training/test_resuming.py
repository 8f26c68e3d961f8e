"""Several machines go on from one state."""

import threading
from pathlib import Path

import pytest
import torch
from torch.distributed import HashStore  # type: ignore[attr-defined] # it is there

from model.errors import TrainingFailed
from model.training.checkpoint_uploads import CheckpointBucket
from model.training.files import BEST, KEPT, RESUME
from model.training.resuming import agree_on_state
from tests.s3_server import S3OfTests

pytestmark = pytest.mark.slow


@pytest.fixture
def url(s3: S3OfTests, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3.fresh_bucket()}/runs/one"


def save(folder: Path, step: int) -> Path:
    folder.mkdir(exist_ok=True)
    torch.save({"global_step": step}, folder / RESUME)
    (folder / BEST).write_text(f"best of {step}")
    return folder


def agree(folders: list[Path], *urls: str | None) -> list[str]:
    """Let a process of each machine agree; gives what was told, or went wrong."""
    store = HashStore()
    told: list[str] = []

    def run(machine: int) -> None:
        url = urls[machine % len(urls)]
        bucket = CheckpointBucket(url) if url else None
        try:
            agree_on_state(
                *(store, machine, len(folders), folders[machine], KEPT),
                bucket=bucket,
                report=told.append,
            )
        except TrainingFailed as exc:
            told.append(str(exc))

    threads = [
        threading.Thread(target=run, args=(number,)) for number in range(len(folders))
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
        assert not one.is_alive()
    return told


def steps(folders: list[Path]) -> list[int]:
    return [
        torch.load(folder / RESUME, weights_only=False)["global_step"]
        for folder in folders
    ]


def test_all_machines_go_on_from_the_newest_state_that_one_has(
    url: str, tmp_path: Path
) -> None:
    CheckpointBucket(url).put(save(tmp_path / "a", 20) / RESUME)
    folders = [save(tmp_path / "a", 20), save(tmp_path / "b", 30), tmp_path / "c"]
    folders[2].mkdir()
    (folders[2] / RESUME).write_bytes(b"torn")

    told = agree(folders, url)

    assert steps(folders) == [30, 30, 30]
    assert {(one / BEST).read_text() for one in folders} == {"best of 30"}
    assert told == ["all machines go on from machine 1's step 30"]


def test_without_a_place_for_copies_all_of_them_end_and_say_what_to_do(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / "a", save(tmp_path / "b", 30)]
    folders[0].mkdir()

    told = agree(folders, None)

    assert len(told) == 2
    for one in told:
        assert "machine 0: nothing, machine 1: step 30" in one
        assert "--checkpoints-to" in one
    assert not (folders[0] / RESUME).exists()
    assert steps(folders[1:]) == [30]


def test_machines_that_share_a_folder_or_have_nothing_need_no_copies(
    tmp_path: Path,
) -> None:
    shared = save(tmp_path / "shared", 30)
    (tmp_path / "empty").mkdir()

    assert agree([shared, shared], None) == []
    assert agree([tmp_path / "empty", tmp_path / "missing"], None) == []
    assert steps([shared]) == [30]


def test_a_state_that_cannot_be_sent_ends_all_machines_and_loses_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [save(tmp_path / "a", 20), save(tmp_path / "b", 30)]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nobody listens

    told = agree(folders, url)

    assert len(told) == 2
    assert all(f"could not be copied to {url}" in one for one in told)
    assert steps(folders) == [20, 30]


def test_a_machine_that_is_given_another_state_says_so(
    url: str, s3: S3OfTests, tmp_path: Path
) -> None:
    folders = [save(tmp_path / "a", 20), save(tmp_path / "b", 30)]

    told = agree(folders, f"s3://{s3.fresh_bucket()}/runs/other", url)

    assert any("does not give machine 0 the state" in one for one in told)
