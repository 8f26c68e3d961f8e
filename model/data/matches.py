"""The labelled matches of a folder: each video paired with its labels."""

from collections.abc import Iterable
from pathlib import Path

from model.data.formats.registry import FORMATS
from model.data.labels import Match
from model.data.videos import VIDEO_SUFFIXES, files_below
from model.errors import BadAnnotations


def find_matches(folder: Path) -> list[Match]:
    """Pair each video below `folder` with its labels, by name.

    Three layouts are read: a folder for each match (a video beside SoccerNet's
    `Labels-ball.json` or `Labels-v2.json`, or beside `labels.csv`), an E2E-Spot
    list (`*.json`, whose `video` names a file below `folder`), and `NAME.mp4`
    beside `NAME.csv`.

    Raises:
        BadAnnotations: no match is found, or a label file cannot be read.
    """
    if not folder.is_dir():
        raise BadAnnotations(f"{folder} is not a folder.")
    matches: dict[str, Match] = {}
    for path in sorted(files_below(folder)):
        for match in _matches_of(path, folder):
            known = matches.get(match.name)
            if known is not None and known.labels.source != match.labels.source:
                raise BadAnnotations(
                    f"{match.name} is labelled twice: in {known.labels.source} and "
                    f"in {match.labels.source}. Keep one of them."
                )
            matches[match.name] = match
    if not matches:
        raise BadAnnotations(
            f"{folder} holds no labelled video: expected "
            f"{', or '.join(one.layout for one in FORMATS)}."
        )
    return [matches[name] for name in sorted(matches)]


def unlabelled_videos(folder: Path, matches: Iterable[Match]) -> list[Path]:
    """List the videos below `folder` that no label file belongs to."""
    known = {match.video.resolve() for match in matches}
    videos = (p for p in files_below(folder) if p.suffix.lower() in VIDEO_SUFFIXES)
    return sorted(video for video in videos if video.resolve() not in known)


def _matches_of(path: Path, root: Path) -> Iterable[Match]:
    """Give the matches that a label file describes; nothing for other files."""
    for one in FORMATS:
        if one.is_label_file(path, root):
            yield from (one.match_of(labels, root) for labels in one.read(path))
            return
