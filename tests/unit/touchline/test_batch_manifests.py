"""Manifests are read line by line, and what a line cannot be is told by its number."""

import csv
from pathlib import Path

import pytest

from touchline.batching.manifest import BadManifest, read_manifest

VIDEO = "01980c1e-7a54-7c3e-9d1f-2f6f3a8b1c55"


@pytest.mark.parametrize(
    ("name", "text", "items"),
    [
        (
            "a.txt",
            "# the cup\n\nhttps://x.org/a.mp4\r\n s3://b/ä b.mp4\nimport:c/d.mp4\n"
            + VIDEO.upper(),
            [
                {"url": "https://x.org/a.mp4"},
                {"url": "s3://b/ä b.mp4"},
                {"import": "c/d.mp4"},
                {"video": VIDEO},
            ],
        ),
        (
            "a.csv",
            '\ufefftitle,url,note\n"Final, 2025",https://x.org/a.mp4,old\n,http://y/,\n',
            [
                {"title": "Final, 2025", "url": "https://x.org/a.mp4"},
                {"url": "http://y/"},
            ],
        ),
        (
            "a.jsonl",
            '{"video": "' + VIDEO + '", "title": "Final"}\n\n{"import": "a.mp4"}\n',
            [{"video": VIDEO, "title": "Final"}, {"import": "a.mp4"}],
        ),
    ],
)
def test_each_kind_of_manifest_is_read(
    tmp_path: Path, name: str, text: str, items: list[dict[str, str]]
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")

    assert list(read_manifest(path)) == items


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", "https://x/\nfile.mp4\n", "a.txt, line 2: 'file.mp4' is no URL"),
        ("a.csv", "name\nx\n", "no column url, import or video"),
        ("a.csv", "url,import\nhttp://x/,y\n", "a.csv, line 2: give one of"),
        ("a.csv", "url\n\n,\n", "a.csv, line 3: give one of"),
        ("a.jsonl", '{"url": "http://x/"\n', "a.jsonl, line 1: no JSON"),
        ("a.jsonl", '{"url": "http://x/", "date": 1}\n', "line 1: no object of"),
        ("a.jsonl", "[]\n", "line 1: no object of"),
        ("a.jsonl", '{"url": ["http://x/"]}\n', "line 1: url is no text"),
        ("a.csv", "video\nmatch 7\n", "line 2: 'match 7' is no id of a video"),
        ("a.csv", "url\nfile:///a.mp4\n", "line 2: 'file:///a.mp4' is no URL"),
        ("a.csv", "url\nhttp://x/" + 140_000 * "a", "line 2: no CSV .field larger"),
        ("a.csv", 140_000 * "a", "line 1: no CSV"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    csv.field_size_limit(2**30)  # as another reader of this process leaves it
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(BadManifest, match=told):
        list(read_manifest(path))
