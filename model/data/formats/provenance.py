"""Where events come from: the model, its thresholds, who reviewed what, every edit.

A file carries it as one JSON object, which is this module's to write and read:

    {"format": "touchline-provenance", "version": 1, "video": {...}, "models": [...],
     "reviewers": [...], "reviewed": [{"from_s", "to_s", "author", "reviewed_at"}],
     "filter": {...}, "half_starts_s": [...], "history": [...], "history_count": 3}

`reviewed` says which stretches somebody has looked at: outside of them a file's events
are no truth, neither event nor background. Times are seconds of the video.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from model.data.formats.json_data import MALFORMED
from model.errors import BadAnnotations, CannotWrite

KEY = "provenance"
FORMAT, VERSION = "touchline-provenance", 1
MAX_CELL_CHARS = 32_000  # Excel's cell takes 32,767

Span = tuple[float, float]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReviewedSpan:
    """A stretch in which somebody has looked at every event.

    Attributes:
        from_s: when it begins, in seconds of the video.
        to_s: when it ends; not included.
        author: who reviewed it; None if that is not said.
        reviewed_at: when, in ISO 8601; None if that is not said.
    """

    from_s: float
    to_s: float
    author: str | None = None
    reviewed_at: str | None = None


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """The model that suggested events.

    Attributes:
        name: of the checkpoint.
        version: of it; None if unknown.
        sha256: of its weights; None if unknown.
        thresholds: the lowest score of an event, by type.
    """

    name: str
    version: str | None = None
    sha256: str | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What is known of where a file's events come from.

    Attributes:
        models: that suggested them; none: people alone.
        reviewers: who decided events or reviewed stretches, by name.
        reviewed: in order of time; None: that is not said, and all counts.
        history: the lines of the log of edits, the oldest first, as the API has them.
        history_count: how many there are, where a format has no room for them.
        half_starts_s: from where a file with halves counts, in seconds of the video.
        video: facts of the file: `name`, `sha256`, `id`.
        choice: which events were chosen, by what: `team`, `min_score`, `state`. Then
            some of a reviewed stretch are not in the file. Empty: all are.
    """

    models: tuple[ModelUsed, ...] = ()
    reviewers: tuple[str, ...] = ()
    reviewed: tuple[ReviewedSpan, ...] | None = None
    history: tuple[Row, ...] = ()
    history_count: int = 0
    half_starts_s: tuple[float, ...] = ()
    video: Row = field(default_factory=dict)
    choice: Row = field(default_factory=dict)

    @property
    def spans_s(self) -> tuple[Span, ...] | None:
        """Give the reviewed stretches, joined; None: all counts."""
        if self.reviewed is None:
            return None
        return joined_spans((one.from_s, one.to_s) for one in self.reviewed)

    def without_history(self) -> Self:
        """Leave out the lines of the log; how many there are stays."""
        return replace(self, history=())

    def cut_short(self, limit: int) -> Self:
        """Note that only so many events of all are in the file."""
        return replace(self, choice={**self.choice, "limit": limit})

    def moved(self, offset_s: float) -> Self:
        """Move what is reviewed by an offset; what lies before 0 is cut off."""
        return self.within((-offset_s, float("inf")), offset_s) if offset_s else self

    def within(self, span: Span, offset_s: float = 0.0) -> Self:
        """Keep what is reviewed of a span, moved by an offset."""
        if self.reviewed is None:
            return self
        cut = (
            replace(one, from_s=max(one.from_s, span[0]), to_s=min(one.to_s, span[1]))
            for one in self.reviewed
        )
        kept = tuple(
            replace(
                one,
                from_s=round(one.from_s + offset_s, 6),
                to_s=round(one.to_s + offset_s, 6),
            )
            for one in cut
            if one.from_s < one.to_s
        )
        return replace(self, reviewed=kept)

    def to_dict(self) -> dict[str, Any]:
        """Give the JSON object."""
        found: dict[str, Any] = {"format": FORMAT, "version": VERSION}
        if self.video:
            found["video"] = dict(self.video)
        found["models"] = [
            {
                "name": one.name,
                "version": one.version,
                "sha256": one.sha256,
                "thresholds": dict(one.thresholds),
            }
            for one in self.models
        ]
        found["reviewers"] = list(self.reviewers)
        if self.reviewed is not None:
            found["reviewed"] = [_span_dict(one) for one in self.reviewed]
        if self.choice:
            found["filter"] = dict(self.choice)
        if self.half_starts_s:
            found["half_starts_s"] = list(self.half_starts_s)
        found["history_count"] = max(self.history_count, len(self.history))
        if self.history:
            found["history"] = [dict(one) for one in self.history]
        return found

    def to_line(self) -> str:
        """Give the JSON object on one line: ASCII, without `<`, `>`, `&` and `--`.

        So it may stand in an XML comment, a WebVTT note or an EDL.
        """
        text = json.dumps(self.to_dict(), separators=(",", ":"))
        for character in "<>&":
            text = text.replace(character, f"\\u{ord(character):04x}")
        return text.replace("--", "-\\u002d")


def read_provenance(raw: Any) -> Provenance | None:
    """Read the JSON object; None if it is not one of ours.

    Raises:
        BadAnnotations: it is one of ours, and damaged or of a later release.
    """
    if not isinstance(raw, Mapping) or raw.get("format") != FORMAT:
        return None
    if raw.get("version") != VERSION:
        raise BadAnnotations(
            f"has a provenance of version {raw.get('version')!r}, which a later "
            "release of Touchline wrote: update it"
        )
    try:
        reviewed = raw.get("reviewed")
        history = tuple(dict(one) for one in raw.get("history") or ())
        return Provenance(
            models=tuple(_model_of(one) for one in raw.get("models") or ()),
            reviewers=tuple(map(str, raw.get("reviewers") or ())),
            reviewed=None if reviewed is None else tuple(map(_span_of, reviewed)),
            history=history,
            history_count=int(raw.get("history_count") or len(history)),
            half_starts_s=tuple(map(float, raw.get("half_starts_s") or ())),
            video=dict(raw.get("video") or {}),
            choice=dict(raw.get("filter") or {}),
        )
    except MALFORMED as exc:
        raise BadAnnotations(f"has a provenance that cannot be read: {exc!r}") from exc


def read_line(text: str) -> Provenance | None:
    """Read what `to_line` gave; None if it is something else.

    Raises:
        BadAnnotations: see `read_provenance`.
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read_provenance(raw)


def cell_of(provenance: Provenance) -> str:
    """Give the text for a cell of a table: without the history.

    Raises:
        CannotWrite: a spreadsheet would cut it off.
    """
    text = provenance.without_history().to_line()
    if len(text) > MAX_CELL_CHARS:
        raise CannotWrite(
            f"the provenance takes {len(text)} characters, and a spreadsheet's cell "
            f"{MAX_CELL_CHARS}: take json"
        )
    return text


def joined_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Join spans that overlap or touch, in order of time; empty ones are dropped."""
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return tuple(joined)


def cut_spans(spans: Iterable[Span], others: Iterable[Span]) -> tuple[Span, ...]:
    """Give what both have, in order of time."""
    ones, cuts = joined_spans(spans), joined_spans(others)
    found: list[Span] = []
    passed = 0  # cuts that end before the span begins
    for start, end in ones:
        while passed < len(cuts) and cuts[passed][1] <= start:
            passed += 1
        for index in range(passed, len(cuts)):
            low, high = cuts[index]
            if low >= end:
                break
            found.append((max(start, low), min(end, high)))
    return tuple(found)


def is_within(time_s: float, spans: Iterable[Span] | None) -> bool:
    """Whether a time lies in one of the spans, its end not included; None: always."""
    return spans is None or any(start <= time_s < end for start, end in spans)


def _span_dict(one: ReviewedSpan) -> dict[str, Any]:
    found: dict[str, Any] = {"from_s": one.from_s, "to_s": one.to_s}
    if one.author is not None:
        found["author"] = one.author
    if one.reviewed_at is not None:
        found["reviewed_at"] = one.reviewed_at
    return found


def _span_of(raw: Any) -> ReviewedSpan:
    from_s, to_s = float(raw["from_s"]), float(raw["to_s"])
    if not 0 <= from_s < to_s < float("inf"):
        raise ValueError(f"a reviewed stretch from {from_s:g} to {to_s:g} s")
    author, at = raw.get("author"), raw.get("reviewed_at")
    return ReviewedSpan(
        from_s,
        to_s,
        None if author is None else str(author),
        None if at is None else str(at),
    )


def _model_of(raw: Any) -> ModelUsed:
    version, sha256 = raw.get("version"), raw.get("sha256")
    return ModelUsed(
        name=str(raw["name"]),
        version=None if version is None else str(version),
        sha256=None if sha256 is None else str(sha256),
        thresholds={
            str(label): float(value)
            for label, value in (raw.get("thresholds") or {}).items()
        },
    )
