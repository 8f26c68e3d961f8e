"""What a model was made from, as its file and those of its bases tell."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from app.checkpoints.catalogue import file_name, list_models
from app.core.settings import Settings
from model.checkpoint.library import Entry
from model.checkpoint.versions import split_version
from model.data.formats.provenance import Span, cut_spans, joined_spans

WEIGHTS = "weights.safetensors"
MAX_STEPS = 100  # back; a file may name itself as its base


@dataclass(frozen=True, slots=True)
class Footage:
    """What of a video a model is looked at on.

    Attributes:
        sha256: of the video's file; joined_of: of the files that it was made of.
    """

    video_id: str
    sha256: str
    joined_of: tuple[str, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Learned:
    """How much of some footage a model or a base of it has learned from.

    Attributes:
        seconds: of the same file, under whatever video.
        videos: those, beside them, of which another one shows a part, or that are a
            part of another one: a match and its halves.
    """

    seconds: float
    videos: int


def ancestors(name: str, settings: Settings) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give a model and its bases, as far as they are installed, with their lineage.

    A base is known by the checksum of its weights, where one is told: a file that came
    from elsewhere may name one that is another here, or is here under another name.
    """
    entries = {entry.name: entry for entry in list_models(settings)}
    seen: set[str] = set()
    first = file_name(name, settings)
    at: str | None = first
    entry = entries.get(first)
    while at is not None and at not in seen and len(seen) < MAX_STEPS:
        seen.add(at)
        lineage = lineage_of(entry)
        yield at, lineage
        base, sha256 = lineage.get("base"), lineage.get("base_sha256")
        at = base if isinstance(base, str) else None
        entry = None if at is None else _find_base(at, sha256, entries)
        at = at if entry is None else entry.name


def _find_base(name: str, sha256: object, entries: Mapping[str, Entry]) -> Entry | None:
    """Find a base by its name and checksum, else by its checksum alone."""
    named = entries.get(name)
    if not isinstance(sha256, str) or weights_sha256(named) == sha256:
        return named
    same = (one for one in entries.values() if weights_sha256(one) == sha256)
    return next(same, None)


def weights_sha256(entry: Entry | None) -> str | None:
    """Tell the checksum of a model's weights, as its file tells it."""
    weights = entry and entry.manifest and entry.manifest.files.get(WEIGHTS)
    return weights.sha256 if weights else None


def lineage_of(entry: Entry | None) -> Mapping[str, Any]:
    """Read what a file says of where it comes from; empty if it says nothing."""
    if entry is None or entry.manifest is None:
        return {}
    return entry.manifest.provenance.lineage or {}


def projects_of_versions(name: str, settings: Settings) -> frozenset[str]:
    """Name the projects whose trainings made versions of a name, as their files tell.

    Names that differ in case alone are one; earlier releases told no project.
    """
    found = set()
    for entry in list_models(settings):
        base, number = split_version(entry.name)
        project = lineage_of(entry).get("project")
        is_version = number is not None and base.casefold() == name.casefold()
        if is_version and isinstance(project, str):
            found.add(project)
    return frozenset(found)


def learned_spans(name: str, settings: Settings) -> dict[str, tuple[Span, ...]]:
    """Tell which stretches a model or a base of it has learned from.

    Returns:
        By the video's id and, as far as a model tells it, by the checksum of its file:
        the same file may have been uploaded anew.
    """
    found: dict[str, list[Span]] = {}
    for _, lineage in ancestors(name, settings):
        stretches, files = lineage.get("stretches"), lineage.get("files")
        for video_id, raw in stretches.items() if _is_map(stretches) else ():
            spans = [*_spans_of(raw)]
            # A video's own file stands before those that it is joined of.
            for key in (str(video_id), *_files_of(files, video_id)[:1]):
                found.setdefault(key, []).extend(spans)
    return {key: joined_spans(spans) for key, spans in found.items()}


def learned_from(name: str, settings: Settings) -> frozenset[str]:
    """Name what a model or a base of it has learned from: videos, and their files.

    Returns:
        Ids of videos and checksums of files; models of earlier releases tell ids alone.
    """
    found: set[str] = set()
    for _, lineage in ancestors(name, settings):
        stretches, files = lineage.get("stretches"), lineage.get("files")
        if _is_map(stretches):
            found.update(map(str, stretches))
        for video_id in files if _is_map(files) else ():
            found.update(_files_of(files, video_id))
    return frozenset(found)


def learned_of(name: str, footage: Iterable[Footage], settings: Settings) -> Learned:
    """Tell how much of some footage a model has learned from."""
    spans, files = learned_spans(name, settings), learned_from(name, settings)
    seconds, videos = 0.0, 0
    for one in footage:
        known = (*spans.get(one.video_id, ()), *spans.get(one.sha256, ()))
        if known:
            cut = cut_spans(one.spans, joined_spans(known))
            seconds += sum(end - start for start, end in cut)
        elif not files.isdisjoint((one.sha256, *one.joined_of)):
            videos += 1
    return Learned(seconds, videos)


def _is_map(raw: object) -> TypeGuard[Mapping[object, object]]:
    return isinstance(raw, Mapping)


def _files_of(files: object, video_id: object) -> list[str]:
    """Read the checksums of a video's file and of those that it is joined of."""
    each = files.get(video_id) if _is_map(files) else None
    return list(map(str, each)) if isinstance(each, list | tuple) else []


def _spans_of(raw: object) -> Iterator[Span]:
    """Read spans; a file comes from anywhere, so what is none is passed over."""
    for one in raw if isinstance(raw, list | tuple) else ():
        if isinstance(one, list | tuple) and len(one) == 2:
            start, end = one
            if isinstance(start, int | float) and isinstance(end, int | float):
                yield float(start), float(end)
