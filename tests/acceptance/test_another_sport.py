"""Another sport, from its labelled videos to events over the API, by verbs alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.checkpoint.archive import Checkpoint
from tests.acceptance.running import RunningService, run_touchline
from tests.services import open_folder
from tests.unit.model.training.toys import toy_data, toy_match, toy_values

NEAR_S = 0.2


def verb(*words: str | Path) -> str:
    """Run a verb; returns what it printed."""
    done = run_touchline(*map(str, words), environment={"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def basketball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of two labels: checked, trained, calibrated and measured."""
    root = toy_data(tmp_path_factory.mktemp("basketball"))
    values = toy_values(
        root,
        optimiser={"lr": 3e-3, "warmup_steps": 4, "steps": 45, "ema": 0.9},
        batch=3,
    )
    values["run"] = {
        "accelerator": "cpu",
        "threads": 1,
        "validate_steps": 45,
        "logger": "none",
    }
    (root / "run.yaml").write_text(json.dumps(values))  # JSON is YAML

    verb("data", "check", root / "train", "--against", root / "val")
    best = Path(verb("train", root / "run.yaml", "--out", root / "run").strip())
    goal = ("--tolerance", "0.3")
    verb("calibrate", best, root / "val", *goal, "--overlap", "0.75")
    assert Checkpoint.open(best).manifest.spotting.overlap == 0.75
    measured = root / "measured.json"
    table = verb("evaluate", best, root / "val", *goal, "--json", measured)
    assert "DRIBBLE" in table
    (report,) = json.loads(measured.read_text())["reports"]
    assert {one["label"] for one in report["labels"]} == {"DRIBBLE", "BASKET"}
    assert all(one["ap"]["0.2"] > 0.7 for one in report["labels"])
    assert all(one["at_threshold"]["f1"] > 0.7 for one in report["labels"])
    return best


@pytest.fixture(scope="module")
def arena(basketball: Path) -> Iterator[RunningService]:
    """A service whose default checkpoint is the basketball one."""
    with open_folder() as folder:
        service = RunningService(
            folder / "data",
            {"TOUCHLINE_ENGINE": "openvino", "TOUCHLINE_MODEL": str(basketball)},
        )
        try:
            service.start()
            yield service
        finally:
            service.stop()


@pytest.mark.nightly
def test_an_unseen_match_of_another_sport_is_served(
    arena: RunningService, tmp_path: Path
) -> None:
    match = toy_match(tmp_path / "final", seed=11, seconds=20)
    rows = json.loads((match / "Labels-ball.json").read_text())["annotations"]
    truth = [(row["label"], int(row["position"]) / 1000) for row in rows]

    video = arena.wait_for_end(arena.upload(match / "video.mp4")["id"])
    events = arena.get(f"/videos/{video['id']}/events", limit=1000)["items"]
    dribbles = arena.get(f"/videos/{video['id']}/events", type="DRIBBLE")["items"]
    timeline = arena.get(f"/videos/{video['id']}/timeline")

    assert video["status"] == "succeeded"
    assert set(video["counts"]) == set(timeline["scores"]) == {"DRIBBLE", "BASKET"}
    assert {event["type"] for event in dribbles} == {"DRIBBLE"}
    met = [
        any(e["type"] == label and abs(e["time_s"] - at_s) <= NEAR_S for e in events)
        for label, at_s in truth
    ]
    assert sum(met) >= 0.8 * len(truth)
    assert len(events) <= 1.25 * len(truth)
