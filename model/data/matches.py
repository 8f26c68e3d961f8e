"""The labelled matches of a folder: each video paired with its labels."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePath

from model.data.formats.base import Sample
from model.data.formats.e2espot import E2ESPOT
from model.data.formats.json_data import parse_json
from model.data.formats.osl import OSL
from model.data.formats.soccernet import SOCCERNET_NAMES
from model.data.formats.touchline_json import TOUCHLINE_JSON
from model.data.label_files import read_labels
from model.data.labels import Match, MatchLabels
from model.data.renaming import read_renaming
from model.data.videos import (
    MissingVideo,
    files_below,
    is_below,
    match_name,
    video_in,
    video_named,
    video_of_half,
    videos_in,
)
from model.errors import BadAnnotations
from model.video.file_names import is_video_name

LAYOUTS = (
    "MATCH/video.mp4 beside MATCH/Labels-ball.json, or NAME.mp4 beside NAME.csv, or an "
    "E2E-Spot or OSL list"
)
OWN_LABELS = "labels.json"
_IN_FOLDER = (*SOCCERNET_NAMES, "labels.csv")


def find_matches(
    folder: Path, *, on_missing: Callable[[MissingVideo], None] | None = None
) -> list[Match]:
    """Pair each video below `folder` with its labels, by name.

    Three layouts are read: a folder for each match (a video beside SoccerNet's
    `Labels-ball.json` or `Labels-v2.json`, `labels.csv`, or our own `labels.json`), a
    list of videos (`*.json` of E2E-Spot or OSL, which names files below `folder`), and
    `NAME.mp4`
    beside `NAME.csv`. Labels of two halves belong to `1_NAME.mp4` and `2_NAME.mp4`.
    Labels have the names that `touchline data rename` gave them there.

    Args:
        folder: to look in.
        on_missing: is told of labels whose video has gone, which are left out then.

    Raises:
        BadAnnotations: no match is found, a label file cannot be read, or its video is
            not there.
    """
    if not folder.is_dir():
        raise BadAnnotations(f"{folder} is not a folder.")
    names = read_renaming(folder)
    matches: dict[str, Match] = {}
    for path in sorted(files_below(folder)):
        for match in _there(path, folder, on_missing):
            known = matches.get(match.name)
            if known is not None and known.labels.source != match.labels.source:
                raise BadAnnotations(
                    f"{match.name} is labelled twice: in {known.labels.source} and "
                    f"in {match.labels.source}. Keep one of them."
                )
            matches[match.name] = replace(match, labels=match.labels.renamed(names))
    if not matches:
        raise BadAnnotations(f"{folder} holds no labelled video: expected {LAYOUTS}.")
    return [matches[name] for name in sorted(matches)]


def unlabelled_videos(folder: Path, matches: Iterable[Match]) -> list[Path]:
    """List the videos below `folder` that no label file belongs to."""
    known = {match.video.resolve() for match in matches}
    videos = (path for path in files_below(folder) if is_video_name(path))
    return sorted(video for video in videos if video.resolve() not in known)


def _there(
    path: Path, root: Path, on_missing: Callable[[MissingVideo], None] | None
) -> Iterator[Match]:
    try:
        yield from _matches_of(path, root)
    except MissingVideo as exc:
        if on_missing is None:
            raise
        on_missing(exc)


def _matches_of(path: Path, root: Path) -> Iterator[Match]:
    """Give the matches that a label file describes; nothing for other files."""
    if path.name in _IN_FOLDER:
        yield from _in_folder(path, root)
    elif path.suffix.lower() == ".csv":
        stem = path.with_suffix("")
        video = video_named(stem)
        if video is not None:
            yield from (
                Match(match_name(stem, root), video, labels)
                for labels in read_labels(path)
            )
    elif path.suffix.lower() == ".json" and path.parent == root and _is_list(path):
        yield from (_named(labels, root) for labels in read_labels(path))
    elif path.name == OWN_LABELS and _is_own(path):
        yield from _in_folder(path, root)


def _in_folder(path: Path, root: Path) -> Iterator[Match]:
    """Give the match of a folder: its one video, or those of its halves."""
    folder, found = path.parent, read_labels(path)
    name = match_name(folder, root)
    if len(found) == 1 and (found[0].half is None or len(videos_in(folder)) < 2):
        yield Match(name, video_in(folder), found[0])
        return
    for labels in found:
        if labels.half is None:
            yield _named(labels, folder, prefix="" if folder == root else f"{name}/")
            continue
        video = video_of_half(folder, labels.half)
        yield Match(f"{name}/{labels.half}", video, labels)


def _named(labels: MatchLabels, root: Path, *, prefix: str = "") -> Match:
    """Find the video that a list names, with or without its ending."""
    if not is_below(labels.name):
        raise BadAnnotations(
            f"{labels.source} names the video {labels.name}, which is not below {root}."
        )
    stem = root / labels.name
    video = stem if stem.is_file() else video_named(stem)
    if video is None and stem.is_dir():
        video = video_in(stem)
    if video is None:
        raise BadAnnotations(
            f"{labels.source} names the video {labels.name}, which is not below {root}."
        )
    name = PurePath(labels.name)
    name = name.with_suffix("") if is_video_name(name) else name
    return Match(prefix + name.as_posix(), video, labels)


def _is_own(path: Path) -> bool:
    """Whether a file is our own JSON: what `touchline dataset export` writes."""
    return TOUCHLINE_JSON.is_like(Sample(path.read_bytes(), ".json"))


def _is_list(path: Path) -> bool:
    """Whether a file is a list of videos with their events."""
    data = path.read_bytes()
    try:
        parse_json(data)
    except BadAnnotations as exc:
        raise BadAnnotations(f"{path} {exc}") from exc
    sample = Sample(data, ".json")
    return E2ESPOT.is_like(sample) or OSL.is_like(sample)
