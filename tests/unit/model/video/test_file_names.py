"""One list of endings of videos: for training, folders to import from, and the page."""

import re
from pathlib import Path

import pytest

from model.video.file_names import VIDEO_SUFFIXES, is_video_name

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    "name", ["GX010001.MP4", "00001.MTS", "a.m2ts", "b.MoV", "c d.mkv", "é.ts"]
)
def test_videos_of_every_camera_are_known_by_their_names(name: str) -> None:
    assert is_video_name(Path("folder") / name)


@pytest.mark.parametrize(
    "name", ["._match.mp4", ".mp4", "match.mp4.part", "match.csv", "match", "mp4"]
)
def test_companions_and_other_files_are_none(name: str) -> None:
    assert not is_video_name(Path("folder") / name)


def test_the_page_offers_the_same_endings() -> None:
    module = ROOT / "app" / "page" / "static" / "uploads" / "video_files.js"
    offered = re.search(r'"video/\*,([^"]*)"', module.read_text(encoding="utf-8"))

    assert offered is not None
    assert tuple(offered[1].split(",")) == VIDEO_SUFFIXES


def test_nothing_else_keeps_a_list_of_its_own() -> None:
    lists = re.compile(r"""\.(mkv|mov)\b["']?\s*,\s*["']?\.""")
    sources = [
        path
        for folder in ("app", "model", "touchline", "worker")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".js", ".html") and "vendor" not in path.parts
    ]

    found = [path.name for path in sources if lists.search(path.read_text())]

    assert sorted(found) == ["file_names.py", "video_files.js"]
