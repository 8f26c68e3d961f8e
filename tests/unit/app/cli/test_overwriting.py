"""No verb writes over a file unasked, nor over what it reads even when asked."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.main import get_command
from typer.testing import CliRunner, Result

from app.cli.main import touchline
from model.checkpoint import library
from model.checkpoint.archive import Checkpoint
from tests.unit.app.cli.test_output import full_disk
from tests.unit.model.engines.networks import noisy_checkpoint, noisy_spotter
from tests.unit.model.training.toys import toy_values

pytestmark = pytest.mark.slow

OLD = b"what the user has"

# Each verb with a word for each of its inputs, and the option that names its file.
VERBS: dict[str, tuple[list[str], str | None]] = {
    "convert": (["convert", "LABELS"], None),
    "clip": (["clip", "VIDEO", "LABELS"], "--out"),
    "join": (["join", "VIDEO", "OTHER VIDEO"], "--out"),
    "report": (["report", "VIDEO", "LABELS"], "--out"),
    "teach": (["teach", "MATCHES", "--base", "MODEL"], "--out"),
    "models-export": (["models", "export", "MODEL"], "--out"),
    "spot": (["spot", "VIDEO", "--model", "MODEL"], "--out"),
    "split": (["data", "split", "MATCHES"], "--out"),
    "average": (["average", "MODEL", "OTHER"], "--out"),
    "evaluate-html": (["evaluate", "MODEL", "MATCHES", "--split", "SPLIT"], "--html"),
    "evaluate-json": (["evaluate", "MODEL", "MATCHES", "--split", "SPLIT"], "--json"),
    "calibrate": (["calibrate", "MODEL", "MATCHES", "--split", "SPLIT"], "--out"),
    "export": (["export", "MODEL", "--video", "VIDEO"], "--out"),
    "export-onnx": (["export", "MODEL", "--format", "onnx"], "--out"),
    "export-int8": (
        ["export", "MODEL", "--precision", "int8", "--data", "MATCHES"],
        "--out",
    ),
    "import": (["import-checkpoint", "WEIGHTS", "--no-export"], "--out"),
}
# Verbs whose files are folders, or made with a service: other tests type them.
ELSEWHERE = {
    "train": "test_a_run_is_not_begun_over_another",
    "dataset export": "tests/integration/test_dataset_export.py",
    "watch": "tests/integration/test_watch.py",
    "batch": "tests/integration/test_batch_verb.py",
}
# What each of them must never write over.
READS = {
    "convert": ("LABELS",),
    "teach": ("MODEL",),
    "models-export": ("MODEL",),
    "spot": ("VIDEO", "MODEL"),
    "split": ("VIDEO", "LABELS"),
    "average": ("MODEL", "OTHER"),
    "evaluate-html": ("VIDEO", "LABELS", "SPLIT", "MODEL"),
    "evaluate-json": ("VIDEO", "LABELS", "SPLIT", "MODEL"),
    "calibrate": ("VIDEO", "LABELS", "SPLIT"),
    "import": ("WEIGHTS", "CONFIG", "CLASSES"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Matches that are never decoded, a split of them, checkpoints, a foreign run."""
    root = tmp_path_factory.mktemp("made")
    for number in range(3):
        match = root / "matches" / f"m{number}"
        match.mkdir(parents=True)
        (match / "video.mp4").write_bytes(b"a video %d" % number)
        rows = [{"gameTime": "1 - 00:01", "label": "PASS", "position": str(number)}]
        text = json.dumps({"UrlLocal": "m", "annotations": rows})
        (match / "Labels-ball.json").write_text(text)
    parts = {"train": ["m0"], "val": ["m1"], "test": ["m2"]}
    (root / "split.json").write_text(json.dumps({"parts": parts}))
    spotter = noisy_spotter(clip_len=4)
    noisy_checkpoint(root, spotter)
    shutil.copy(root / "noise.touchline", root / "other.touchline")
    (root / "run").mkdir()
    torch.save(spotter.state_dict(), root / "run" / "checkpoint_049.pt")
    config = {"feature_arch": "rny002_gsm", "temporal_arch": "gru", "clip_len": 4}
    config |= {"dataset": "toys", "num_classes": 2, "crop_dim": None}
    (root / "run" / "config.json").write_text(json.dumps(config))
    (root / "run" / "class.txt").write_text("PASS\nDRIVE\n")
    return root


@pytest.fixture
def words(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Path]:
    """Copies of all that for one test, by the words of `VERBS`."""
    monkeypatch.setenv("TOUCHLINE_DATA_DIR", str(tmp_path / "data"))
    root = tmp_path / "made"
    shutil.copytree(made, root)
    return {
        "MATCHES": root / "matches",
        "VIDEO": root / "matches" / "m1" / "video.mp4",
        "OTHER VIDEO": root / "matches" / "m2" / "video.mp4",
        "LABELS": root / "matches" / "m1" / "Labels-ball.json",
        "SPLIT": root / "split.json",
        "MODEL": root / "noise.touchline",
        "OTHER": root / "other.touchline",
        "WEIGHTS": root / "run" / "checkpoint_049.pt",
        "CONFIG": root / "run" / "config.json",
        "CLASSES": root / "run" / "class.txt",
    }


def typed(verb: str, words: dict[str, Path], out: Path, *more: str) -> Result:
    """Type a verb that is to write to `out`."""
    pattern, option = VERBS[verb]
    command = [str(words.get(word, word)) for word in pattern]
    place = [str(out)] if option is None else [option, str(out)]
    return run([*command, *place, *more])


def run(command: Sequence[str]) -> Result:
    """Run the program as its entry point does, on a wide terminal."""
    return CliRunner().invoke(touchline, list(command), env={"COLUMNS": "400"})


def every_file(folder: Path) -> dict[Path, bytes]:
    """Read all files below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def ending_of(verb: str) -> str:
    """Give the suffix that a verb's file must have."""
    endings = {"clip": ".mp4", "join": ".mp4", "report": ".html"}
    endings |= {"export-onnx": ".onnx"}
    if verb in endings:
        return endings[verb]
    return ".touchline" if verb.startswith("export") else ".any"


def commands(group: Any, *before: str) -> Iterator[tuple[str, set[str]]]:
    """List each verb of the program with the names of its parameters."""
    for name, command in group.commands.items():
        words = (*before, name)
        if hasattr(command, "commands"):
            yield from commands(command, *words)
        else:
            yield " ".join(words), {one.name for one in command.params}


def test_each_verb_that_writes_a_file_is_tried_here_or_in_a_test_of_its_own() -> None:
    writing = {
        verb
        for verb, parameters in commands(get_command(touchline))
        if parameters & {"force", "out"}
    }
    tried = {
        next(verb for verb in writing if " ".join(pattern).startswith(verb))
        for pattern, _ in VERBS.values()
    }

    assert writing == tried | {"data split"} | set(ELSEWHERE)
    for verb, parameters in commands(get_command(touchline)):
        assert "force" in parameters or "out" not in parameters, verb


@pytest.mark.parametrize("verb", VERBS)
def test_a_file_that_is_there_is_left_and_force_is_named(
    verb: str, words: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / f"old{ending_of(verb)}"
    out.write_bytes(OLD)
    before = every_file(tmp_path)

    result = typed(verb, words, out)

    assert result.exit_code == 2, result.output
    assert f"{out} exists already; use --force to replace it" in result.stderr
    assert every_file(tmp_path) == before


@pytest.mark.parametrize(
    ("verb", "source"), [(verb, word) for verb in READS for word in READS[verb]]
)
def test_what_a_verb_reads_is_left_even_with_force(
    verb: str, source: str, words: dict[str, Path], tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(words[source])
    before = every_file(tmp_path)

    for out in (words[source], link):
        result = typed(verb, words, out, "--force")

        assert result.exit_code == 2, result.output
        assert "is the same file as the input" in result.stderr
    assert every_file(tmp_path) == before


@pytest.mark.costly
@pytest.mark.parametrize("verb", ["split", "average", "import"])
def test_a_disk_that_is_full_leaves_the_old_file(
    verb: str, words: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "old.any"
    out.write_bytes(OLD)
    before = every_file(tmp_path)

    with full_disk():
        result = typed(verb, words, out, "--force")

    assert isinstance(result.exception, OSError), result.output
    assert every_file(tmp_path) == before


def test_a_split_is_replaced_when_that_is_asked_for(
    words: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "split.json"
    out.write_bytes(OLD)

    assert typed("split", words, out, "--force").exit_code == 0

    assert json.loads(out.read_text())["format"] == "touchline-split"


@pytest.mark.nightly
def test_a_mean_whose_export_fails_leaves_the_old_file(
    words: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "old.touchline"
    out.write_bytes(OLD)
    monkeypatch.setattr(
        "model.export.differences.TOLERANCE", -1.0
    )  # Nothing is as near.

    result = typed("average", words, out, "--force")

    assert "the export was not kept" in str(result.exception)
    assert out.read_bytes() == OLD


def test_two_reports_need_two_files(words: dict[str, Path], tmp_path: Path) -> None:
    report = str(tmp_path / "report")

    result = typed("evaluate-html", words, tmp_path / "report", "--json", report)

    assert result.exit_code == 2
    assert "both name" in result.stderr


def test_what_came_with_touchline_is_not_calibrated_in_its_place(
    words: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "BUNDLED_DIR", words["MODEL"].parent)
    mine = tmp_path / "data" / "models" / words["MODEL"].name
    mine.parent.mkdir(parents=True)
    mine.write_bytes(OLD)
    command = ["calibrate", str(words["MODEL"]), str(words["MATCHES"])]

    result = run(command)

    assert result.exit_code == 2, result.output
    assert f"{mine} exists already; use --force" in result.stderr
    assert mine.read_bytes() == OLD


def test_a_default_that_cannot_be_kept_leaves_the_old_one(
    words: dict[str, Path], tmp_path: Path
) -> None:
    models = tmp_path / "data" / "models"
    models.mkdir(parents=True)
    for name in ("brisk", "a-name-of-more-than-eight-bytes"):
        shutil.copy(words["MODEL"], models / f"{name}.touchline")
    assert run(["models", "set-default", "brisk"]).exit_code == 0
    before = every_file(models)

    with full_disk():
        result = run(["models", "set-default", "a-name-of-more-than-eight-bytes"])

    assert isinstance(result.exception, OSError)
    assert every_file(models) == before


@pytest.mark.parametrize("name", ["last.ckpt", "best.touchline", "last.touchline"])
def test_a_run_is_not_begun_over_another(
    words: dict[str, Path], tmp_path: Path, name: str
) -> None:
    config, folder = tmp_path / "run.yaml", tmp_path / "folder"
    config.write_text(json.dumps(toy_values(words["MATCHES"])))
    folder.mkdir()
    (folder / name).write_bytes(OLD)

    result = run(["train", str(config), "--out", str(folder)])

    assert "--force" in str(result.exception)
    assert (folder / name).read_bytes() == OLD


def test_a_run_is_not_begun_over_the_weights_that_it_begins_with(
    words: dict[str, Path], tmp_path: Path
) -> None:
    config, folder = tmp_path / "run.yaml", tmp_path / "folder"
    config.write_text(json.dumps(toy_values(words["MATCHES"])))
    folder.mkdir()
    best = Path(shutil.copy(words["MODEL"], folder / "best.touchline"))
    command = ["train", str(config), "--out", str(folder), "--from", str(best)]

    result = run([*command, "--force"])

    assert "name another folder" in str(result.exception)
    assert Checkpoint.open(best).path == best
