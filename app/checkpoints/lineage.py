"""What a model was made from, as its file and those of its bases tell."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from app.checkpoints.catalogue import file_name, list_models
from app.core.settings import Settings
from model.checkpoint.library import Entry
from model.data.formats.provenance import Span, cut_spans, joined_spans

MAX_STEPS = 100  # back; a file may name itself as its base


def ancestors(name: str, settings: Settings) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give a model and its bases, as far as they are installed, with their lineage."""
    entries = {entry.name: entry for entry in list_models(settings)}
    seen: set[str] = set()
    at: str | None = file_name(name, settings)
    while at is not None and at not in seen and len(seen) < MAX_STEPS:
        seen.add(at)
        lineage = lineage_of(entries.get(at))
        yield at, lineage
        base = lineage.get("base")
        at = base if isinstance(base, str) else None


def lineage_of(entry: Entry | None) -> Mapping[str, Any]:
    """Read what a file says of where it comes from; empty if it says nothing."""
    if entry is None or entry.manifest is None:
        return {}
    return entry.manifest.provenance.lineage or {}


def learned_spans(name: str, settings: Settings) -> dict[str, tuple[Span, ...]]:
    """Tell which stretches a model or a base of it has learned from, by video id."""
    found: dict[str, list[Span]] = {}
    for _, lineage in ancestors(name, settings):
        stretches = lineage.get("stretches")
        for video_id, spans in (stretches or {}).items() if _is_map(stretches) else ():
            found.setdefault(str(video_id), []).extend(_spans_of(spans))
    return {video_id: joined_spans(spans) for video_id, spans in found.items()}


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
        for each in files.values() if _is_map(files) else ():
            found.update(map(str, each if isinstance(each, list | tuple) else ()))
    return frozenset(found)


def learned_s(
    name: str, holdout: Mapping[str, tuple[Span, ...]], settings: Settings
) -> float:
    """Tell how many seconds of some stretches a model has learned from."""
    learned = learned_spans(name, settings)
    return sum(
        end - start
        for video_id, spans in holdout.items()
        for start, end in cut_spans(spans, learned.get(video_id, ()))
    )


def _is_map(raw: object) -> TypeGuard[Mapping[object, object]]:
    return isinstance(raw, Mapping)


def _spans_of(raw: object) -> Iterator[Span]:
    """Read spans; a file comes from anywhere, so what is none is passed over."""
    for one in raw if isinstance(raw, list | tuple) else ():
        if isinstance(one, list | tuple) and len(one) == 2:
            start, end = one
            if isinstance(start, int | float) and isinstance(end, int | float):
                yield float(start), float(end)
