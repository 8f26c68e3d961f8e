"""The README's section on Python does what it says, to the letter."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.videos import draw_video, match_picture

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
def test_the_python_section_runs_as_it_stands(tmp_path: Path) -> None:
    draw_video(tmp_path / "match.mp4", frames=90, paint=match_picture)
    labels = [{"gameTime": "1 - 00:01", "label": "PASS", "position": "1000"}]
    (tmp_path / "Labels-ball.json").write_text(json.dumps({"annotations": labels}))

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _python_section()],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
    )

    assert done.returncode == 0, done.stderr
    *events, scores = done.stdout.splitlines()
    document = json.loads((tmp_path / "results_spotting.json").read_text())
    assert len(document["predictions"]) == len(events)
    assert re.fullmatch(r"[01]\.\d+ [01]\.\d+", scores)
    with (tmp_path / "match.csv").open(newline="") as file:
        assert all(float(row["score"]) >= 0.8 for row in csv.DictReader(file))


def _python_section() -> str:
    section = (ROOT / "README.md").read_text().partition("\n## Python\n")[2]
    section = section.partition("\n## ")[0]
    (block,) = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    assert isinstance(block, str)
    return block
