"""`touchline report`: a match as one file, of a video and its events."""

import base64
import io
import re
from pathlib import Path

import av
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from app.cli import report
from app.cli.main import touchline
from app.reports.content import DEFAULT_STILLS, MAX_STILLS
from tests.videos import draw_video, read_number

EVENTS = (
    "type,time_s,frame,score,team\n"
    "PASS,1.0,25,0.9,left\nSHOT,2.0,50,0.4,left\nSHOT,3.2,80,0.8,right\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    draw_video(folder / "match.mp4", frames=100, fps=25, b_frames=2)
    (folder / "events.csv").write_text(EVENTS)
    return folder


def run(folder: Path, *words: object) -> Result:
    """Type the command."""
    files = [str(folder / "match.mp4"), str(folder / "events.csv")]
    return CliRunner().invoke(
        touchline, ["report", *files, *map(str, words)], env={"COLUMNS": "400"}
    )


def pictures(html: str) -> list[int]:
    found = []
    for text in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html):
        with av.open(io.BytesIO(base64.b64decode(text)), "r") as container:
            (frame,) = container.decode(video=0)
            image = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            found.append(read_number(image))
    return found


@pytest.mark.slow
def test_a_report_has_facts_figures_and_the_very_frames(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"

    done = run(
        *(folder, "--out", out, "--title", "A <cup> final", "--halves", "0-2.5,3"),
        *("--team", "Reds,left,#d62728", "--team", "Blues,right"),
    )

    assert done.exit_code == 0, done.output
    assert "3 events and 2 stills" in done.output
    html = out.read_text()
    assert pictures(html) == [50, 80]
    assert "<h1>A &lt;cup&gt; final</h1>" in html
    assert "Reds" in html
    assert "2nd half" in html
    assert "#d62728" in html
    again = run(folder, "--out", out)
    assert again.exit_code != 0
    assert html == out.read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--out", "report.pdf"], ".html"),
        (["--halves", "9-3"], "times in order"),
        (["--halves", "0-5,4-8"], "times in order"),
        (["--halves", "x"], "times in order"),
        (["--team", ",left"], "NAME"),
        (["--team", "A", "--team", "B", "--team", "C"], "twice"),
        (["--stills", "61"], "less than or equal to 60"),
    ],
)
def test_bad_words_are_refused(
    folder: Path, tmp_path: Path, words: list[str], told: str
) -> None:
    out = [] if "--out" in words else ["--out", str(tmp_path / "report.html")]

    done = run(folder, *words, *out)

    assert done.exit_code == 2
    assert told in done.output
    assert list(tmp_path.iterdir()) == []


def test_the_command_knows_how_many_stills_there_may_be() -> None:
    told = report.DEFAULT_STILLS, report.MAX_STILLS

    assert told == (DEFAULT_STILLS, MAX_STILLS)
