"""Runs of several processes under torchrun, on CPUs by gloo: shared, lost, resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from model.checkpoint.archive import Checkpoint
from model.errors import TrainingFailed
from model.training.processes import (
    Launch,
    refuse_synchronised_norms_on_a_cpu,
    synchronise_norms,
)
from tests.s3_server import S3OfTests
from tests.unit.model.engines.networks import noisy_spotter
from tests.unit.model.training.shared_run import config_of
from tests.unit.model.training.shared_run import main as run_alone
from tests.unit.model.training.toys import toy_data

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

REPO = Path(__file__).parents[4]


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy matches, drawn once."""
    return toy_data(tmp_path_factory.mktemp("toys"), seconds=8)


@contextmanager
def torchrun(
    root: Path, folder: Path, *, restarts: int = 0, env: Any = None, **options: Any
) -> Iterator["subprocess.Popen[str]"]:
    """Start two processes; whatever is left of them ends with the block."""
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", "2", "--max-restarts", str(restarts)),
        *("-m", "tests.unit.model.training.shared_run"),
        *(str(root), str(folder), json.dumps(options)),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **(env or {})}
    process = subprocess.Popen(
        command,
        cwd=REPO,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        for pid in [*_workers(folder).values(), process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def finish(process: "subprocess.Popen[str]", *, code: int = 0) -> str:
    """Wait for a run's end; give what it printed."""
    output, _ = process.communicate(timeout=400)
    assert process.returncode == code, output
    return output


def reached(folder: Path) -> dict[int, tuple[int, int]]:
    """For each rank: its process and its step."""
    found = {}
    for rank in range(2):
        path = folder / f"rank_{rank}.pid"
        if path.exists() and (text := path.read_text()):
            pid, step = json.loads(text)
            found[rank] = (pid, step)
    return found


def _workers(folder: Path) -> dict[int, int]:
    return {
        rank: pid
        for rank, (pid, _) in reached(folder).items()
        if b"shared_run" in _command_line(pid)
    }


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_for_step(
    folder: Path, step: int, process: "subprocess.Popen[str]", *, also: Path
) -> dict[int, int]:
    """Wait until both processes are there and a file is written; give their ids."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        found = reached(folder)
        is_there = len(found) == 2 and min(s for _, s in found.values()) >= step
        if is_there and also.exists():
            return {rank: pid for rank, (pid, _) in found.items()}
        time.sleep(0.1)
    output = process.communicate(timeout=10)[0] if process.poll() is not None else ""
    pytest.fail(f"the run did not get to step {step}: {output}")


def notes(folder: Path, rank: int = 0) -> Any:
    """What a process wrote at its end."""
    return torch.load(folder / f"rank_{rank}.pt", weights_only=True)


@pytest.mark.nightly
def test_two_processes_learn_what_one_learns_from_the_same_clips(
    toys: Path, tmp_path: Path
) -> None:
    with torchrun(toys, tmp_path / "two", batch=2, store="two") as process:
        finish(process)
    run_alone(toys, tmp_path / "one", {"batch": 4, "store": "two"})

    first, second = notes(tmp_path / "two"), notes(tmp_path / "two", 1)
    alone = notes(tmp_path / "one")
    # The same weights in both, to the bit, also the averaged ones.
    for kind in ("weights", "kept"):
        for name, value in first[kind].items():
            assert torch.equal(value, second[kind][name]), name
    # Each clip once.
    shared = first["clips"] + second["clips"]
    assert sorted(shared) == sorted(alone["clips"])
    assert len(set(first["clips"]) & set(second["clips"])) == 0
    # The first step's gradient, before rounding has moved the weights apart.
    for name, expected in alone["gradients"][0].items():
        got = first["gradients"][0][name]
        assert torch.allclose(got, expected, rtol=1e-3, atol=1e-5), name
    mean = [
        sum(pair) / 2 for pair in zip(first["losses"], second["losses"], strict=True)
    ]
    assert mean == pytest.approx(alone["losses"], rel=1e-3)
    # One validation, of each match once, whoever scored it.
    assert first["validations"] == second["validations"] == 1
    assert first["validated"] == second["validated"] == ["match_3"]
    assert (tmp_path / "two" / "run" / "best.touchline").is_file()


@pytest.mark.nightly
def test_norms_a_process_keep_the_first_ones_statistics_with_mixup(
    toys: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"has_frozen_norms": False, "mixup": 0.2}
    with torchrun(toys, tmp_path, **options) as process:
        finish(process)

    first, second = notes(tmp_path), notes(tmp_path, 1)
    for name, value in first["weights"].items():
        assert torch.equal(value, second["weights"][name]), name
    # What was validated is one network, its running statistics included.
    for name, value in first["kept"].items():
        assert torch.equal(value, second["kept"][name]), name
    assert first["gradients"][0].keys() == second["gradients"][0].keys()


@pytest.mark.nightly
def test_a_lost_process_is_started_again_and_the_run_goes_on(
    toys: Path, tmp_path: Path
) -> None:
    state = tmp_path / "run" / "last.ckpt"
    with torchrun(
        toys, tmp_path, restarts=1, steps=6, slow_from=2, env={"SLOW": "1"}
    ) as process:
        pids = wait_for_step(tmp_path, 2, process, also=state)
        os.kill(pids[1], signal.SIGKILL)
        output = finish(process)

    assert "going on from" in output
    first, second = notes(tmp_path), notes(tmp_path, 1)
    assert len(first["losses"]) < 6  # The steps before were not done again.
    for name, value in first["weights"].items():
        assert torch.equal(value, second["weights"][name]), name
    best = Checkpoint.open(tmp_path / "run" / "best.touchline")
    assert best.manifest.provenance.steps == 6


@pytest.mark.nightly
def test_a_machine_that_is_taken_away_leaves_its_run_in_a_bucket(
    toys: Path, tmp_path: Path, s3: S3OfTests
) -> None:
    bucket = s3.fresh_bucket()
    options: dict[str, Any] = {
        "checkpoints_to": f"s3://{bucket}/runs/toy",
        "steps": 6,
        "slow_from": 2,
        "may_resume": True,
    }
    state, env = tmp_path / "old" / "run" / "last.ckpt", s3.environment()
    with torchrun(
        toys, tmp_path / "old", env={**env, "SLOW": "1"}, **options
    ) as process:
        wait_for_step(tmp_path / "old", 2, process, also=state)
        process.send_signal(signal.SIGTERM)  # As a cloud does, some seconds before.
        output, _ = process.communicate(timeout=200)
    assert "go on with --resume" in output, output
    stopped = torch.load(state, weights_only=True)["global_step"]
    assert stopped >= 2
    client = s3.client()
    listed = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert "runs/toy/last.ckpt" in {each["Key"] for each in listed}

    # Another machine: nothing but the bucket and the data.
    with torchrun(toys, tmp_path / "new", env=env, **options) as process:
        output = finish(process)

    assert "fetched s3://" in output
    assert len(notes(tmp_path / "new")["losses"]) == 6 - stopped
    keys = {e["Key"] for e in client.list_objects_v2(Bucket=bucket)["Contents"]}
    assert keys == {
        f"runs/toy/{name}" for name in ("last.ckpt", "last.touchline", "best.touchline")
    }


@pytest.mark.nightly
def test_all_processes_killed_at_once_leave_what_a_resume_needs(
    toys: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"steps": 6, "slow_from": 2, "may_resume": True}
    state = tmp_path / "run" / "last.ckpt"
    with torchrun(toys, tmp_path, env={"SLOW": "1"}, **options) as process:
        pids = wait_for_step(tmp_path, 2, process, also=state)
        for pid in [process.pid, *pids.values()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    with torchrun(toys, tmp_path, **options) as process:
        output = finish(process)

    assert "going on from" in output
    first, second = notes(tmp_path), notes(tmp_path, 1)
    assert 0 < len(first["losses"]) < 6
    for name, value in first["weights"].items():
        assert torch.equal(value, second["weights"][name]), name


def test_a_bucket_that_refuses_loses_nothing(toys: Path, tmp_path: Path) -> None:
    options = {"checkpoints_to": "nowhere://bucket/run"}

    with pytest.raises(TrainingFailed, match="checkpoints_to cannot be 'nowhere:"):
        run_alone(toys, tmp_path, options)


def test_synchronised_norms_keep_keys_activations_and_scores() -> None:
    spotter = noisy_spotter()
    clip = torch.randint(0, 256, (1, 16, 3, 48, 64), dtype=torch.uint8)
    keys = list(spotter.state_dict())
    with torch.inference_mode():
        expected = spotter(clip)["scores"].clone()

        made = synchronise_norms(spotter)

        assert torch.equal(made(clip)["scores"], expected)
    assert list(made.state_dict()) == keys
    norms = torch.nn.modules.batchnorm._BatchNorm
    kinds = {type(m).__name__ for m in made.modules() if isinstance(m, norms)}
    assert kinds == {"SyncBatchNorm", "SyncBatchNormAct"}


def test_synchronised_norms_are_refused_on_cpus(toys: Path) -> None:
    config = config_of(toys, {"batch_norm": "synchronised"})

    refuse_synchronised_norms_on_a_cpu(config.run, Launch(processes=1))
    with pytest.raises(TrainingFailed, match="for GPUs alone"):
        refuse_synchronised_norms_on_a_cpu(config.run, Launch(processes=2))


def test_torchruns_variables_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Launch.read(3) == Launch(processes=3)
    values = {
        "TORCHELASTIC_RUN_ID": "a",
        "WORLD_SIZE": "4",
        "LOCAL_WORLD_SIZE": "2",
        "LOCAL_RANK": "1",
        "TORCHELASTIC_RESTART_COUNT": "3",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)

    launch = Launch.read(1)

    assert (launch.processes, launch.machines, launch.world) == (2, 2, 4)
    assert (launch.restarts, launch.local_rank) == (3, 1)
    monkeypatch.setenv("WORLD_SIZE", "5")
    with pytest.raises(TrainingFailed, match="same --nproc-per-node"):
        Launch.read(1)
