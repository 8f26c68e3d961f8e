"""Files of events: every verb that reads one takes the answers that it asks for."""

import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from app.cli.main import touchline
from app.cli.reading import OPTION_OF
from tests.videos import draw_video

VERBS = ("convert", "clip", "report")
MADE = {"convert": "out.csv", "clip": "list.m3u8", "report": "report.html"}
HALVES = [
    {"gameTime": "1 - 00:01", "label": "PASS", "position": "1000"},
    {"gameTime": "2 - 00:00", "label": "SHOT", "position": "500"},
]
INSTANCES = (
    "<file><ALL_INSTANCES><instance><start>1</start><end>2</end><code>PASS</code>"
    "</instance></ALL_INSTANCES></file>"
)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "match.mp4"
    draw_video(path, frames=100, fps=25)
    return path


def run(verb: str, video: Path, events: Path, *words: str) -> Result:
    """Have a verb read a file of events; what it makes stands beside the file."""
    out = str(events.parent / MADE[verb])
    files = (
        [str(events), out, "--video", str(video)]
        if verb == "convert"
        else [str(video), str(events), "--out", out]
    )
    return CliRunner().invoke(touchline, [verb, *files, *words], env={"COLUMNS": "400"})


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_that_a_question_names_is_there(verb: str) -> None:
    command = typer.main.get_command(touchline).commands[verb]  # type: ignore[attr-defined]  # a group
    there = {option for one in command.params for option in one.opts}
    is_given = {one.name for one in command.params} >= {"video", "events"}
    asked = [text for need, text in OPTION_OF.items() if need != "fps" or not is_given]

    named = {option for text in asked for option in re.findall("--[a-z-]+", text)}

    assert len(named) >= 9
    assert named <= there


@pytest.mark.costly
@pytest.mark.parametrize("verb", ["clip", "report"])
@pytest.mark.parametrize(
    ("name", "text", "said", "answer"),
    [
        (
            *("Labels-v2.json", json.dumps({"annotations": HALVES})),
            *("say it with --half or --halves (1, 2)", ["--halves", "0-1.9,2"]),
        ),
        ("in.xml", INSTANCES, "say it with --lead-in", ["--lead-in", "0.5"]),
        (
            *("in.csv", "label,time\nPASS,12\nPASS,14\n"),
            *("say it with --time-format (s, ms, frames", ["--time-format", "frames"]),
        ),
    ],
)
@pytest.mark.slow
def test_a_question_is_answered_by_the_option_that_it_names(
    video: Path,
    tmp_path: Path,
    verb: str,
    name: str,
    text: str,
    said: str,
    answer: list[str],
) -> None:
    (tmp_path / name).write_text(text)

    asked = run(verb, video, tmp_path / name)
    there = sorted(path.name for path in tmp_path.iterdir())
    done = run(verb, video, tmp_path / name, *answer)

    assert asked.exit_code == 1
    assert said in asked.output
    assert there == [name]
    assert done.exit_code == 0, done.output
    assert (tmp_path / MADE[verb]).stat().st_size


@pytest.mark.costly
@pytest.mark.slow
def test_the_halves_of_soccernet_stand_on_the_time_of_the_video(
    video: Path, tmp_path: Path
) -> None:
    events = tmp_path / "Labels-v2.json"
    events.write_text(json.dumps({"annotations": HALVES}))

    clips = run("clip", video, events, "--halves", "0.5,2", "--lead", "0", "--no-merge")
    report = run("report", video, events, "--halves", "0.5-1.9,2")
    other = run("report", video, events, "--half", "2", "--halves", "0-1", "--force")

    assert "2 clips of 2 events" in clips.output
    listed = (tmp_path / "list.m3u8").read_text()
    assert "#t=1.480,4.000" in listed or "#t=1.500,4.000" in listed
    assert "#t=2.480,4.000" in listed or "#t=2.500,4.000" in listed
    assert "at 0.5,2 s of the video" in report.output
    assert "2 events" in report.output
    assert "1 events" in other.output


@pytest.mark.costly
@pytest.mark.slow
def test_a_choice_is_written_as_a_shell_takes_it(video: Path, tmp_path: Path) -> None:
    events = tmp_path / "in.csv"
    events.write_text("label,time_s\nPASS,2,100\n")
    tabs = tmp_path / "tabs.csv"
    tabs.write_text("label\ttime_s\nPASS\t2,1\n")

    asked = run("convert", video, events)
    told = run("convert", video, tabs, "--delimiter", "tab")
    wrong = run("convert", video, tabs, "--delimiter", "semicolon")

    assert "say it with --delimiter (',', ';', tab)" in asked.output
    assert told.exit_code == 0, told.output
    assert "PASS,2.100" in (tmp_path / "out.csv").read_text()
    assert wrong.exit_code == 2
    assert "not one character" in wrong.output


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "halves", ["9-3", "0-5,4-8", "9,5", "5,5", "x", "inf", "0,nan"]
)
def test_halves_out_of_order_are_refused(
    video: Path, tmp_path: Path, verb: str, halves: str
) -> None:
    (tmp_path / "in.csv").write_text("label,time_s\nPASS,1\n")

    done = run(verb, video, tmp_path / "in.csv", "--halves", halves)

    assert done.exit_code == 2
    assert "times in order" in done.output
    assert not (tmp_path / MADE[verb]).exists()
