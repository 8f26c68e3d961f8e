"""The card of a data set: what is in it, who labelled it, what it may be used for."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.datasets.agreement import Agreement
from app.datasets.naming import files_of
from app.datasets.staging import FORMAT
from app.datasets.truth import Truth
from model.data.labels import Match
from model.data.splits import PARTS, Split

VERSION = 1
SHOWN_SHA = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """A match of the data set: a video, or a piece that was cut out of one.

    Attributes:
        name: its folder, which is the name of the match in the split.
        group: the match that it is of.
        truth: by its own times.
        files: their checksums, by their names in the data set.
    """

    name: str
    group: str
    truth: Truth
    files: Mapping[str, str]

    @property
    def video_id(self) -> str:
        """The id of the video that it is of."""
        return str(self.truth.video_id)

    @property
    def shows(self) -> frozenset[str]:
        """The files whose pictures it has; see `files_of`."""
        return files_of(self.truth)

    @property
    def counts(self) -> dict[str, int]:
        """Count its events by type."""
        return dict(Counter(event.label for event in self.truth.events).most_common())


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A video that is not in the data set, and why."""

    video_id: str
    why: str


@dataclass(frozen=True, slots=True)
class DatasetContent:
    """What a data set is made of.

    Attributes:
        sources: the videos that entries are of, as they are stored.
        classes: types, the most frequent first.
        matches: of the entries, as training reads them.
        agreement: of people who decided the same events.
    """

    name: str
    created_at: str
    licence: str | None
    touchline: str
    mode: str
    entries: Sequence[Entry]
    sources: Sequence[Truth]
    left_out: Sequence[LeftOut]
    classes: Sequence[str]
    split: Split
    matches: Sequence[Match]
    agreement: Agreement


def card_of(made: DatasetContent) -> dict[str, Any]:
    """Give the card as data, for `dataset.json`."""
    counts = Counter[str]()
    for entry in made.entries:
        counts.update(entry.counts)
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": made.name,
        "created_at": made.created_at,
        "touchline": made.touchline,
        "licence": made.licence,
        "videos": made.mode,
        "classes": list(made.classes),
        "minutes_reviewed": _minutes(made.entries),
        "counts": {label: counts[label] for label in made.classes},
        "split": {
            "by": "stretches" if made.split.stretches else "matches",
            "note": made.split.note or None,
            "parts": {part: _part(made, part) for part in PARTS},
        },
        "people": _people(made.sources),
        "agreement": asdict(made.agreement),
        "models": _models(made.sources),
        "matches": [_entry(entry) for entry in made.entries],
        "left_out": [asdict(one) for one in made.left_out],
    }


def readme_of(card: Mapping[str, Any]) -> str:
    """Give the card as text, for `README.md`."""
    lines = [
        *_introduction(card),
        *("## Events", *_events(card)),
        *("## Who labelled", *_labellers(card)),
        *("## Models that suggested", *_suggesting_models(card)),
        *("## Videos", *_videos(card)),
    ]
    if card["left_out"]:
        rows = [(one["video_id"], one["why"]) for one in card["left_out"]]
        lines += ["## Left out", *_table(("video", "why"), rows)]
    return "\n".join(lines).rstrip("\n") + "\n"


def _introduction(card: Mapping[str, Any]) -> list[str]:
    return [
        f"# {card['name']}",
        "",
        f"Reviewed stretches of {_count(len(card['matches']), 'video')}, "
        f"{card['minutes_reviewed']:.1f} minutes in all, with "
        f"{_count(sum(card['counts'].values()), 'event')}. Only these stretches are "
        "truth: outside of them nothing is known, neither events nor their absence.",
        "",
        f"Exported {card['created_at']} by Touchline {card['touchline']}. Licence: "
        f"{card['licence'] or 'not stated; ask whoever gave you this'}.",
        "",
        "```sh",
        "touchline train CONFIG.yaml --data . --split split.json",
        "sha256sum -c SHA256SUMS",
        "```",
        "",
    ]


def _events(card: Mapping[str, Any]) -> list[str]:
    """Count events, videos and minutes by part of the split."""
    parts = [card["split"]["parts"][part] for part in PARTS]
    counts = [
        (label, *(part["counts"].get(label, 0) for part in parts), count)
        for label, count in card["counts"].items()
    ]
    sizes = [
        ("videos", *(len(part["matches"]) for part in parts)),
        ("minutes", *(f"{part['minutes']:.1f}" for part in parts)),
    ]
    note = card["split"]["note"]
    return [
        *_table(("type", *PARTS, "all"), counts),
        *_table(("", *PARTS), sizes),
        *([f"**{note}**", ""] if note else []),
    ]


def _labellers(card: Mapping[str, Any]) -> list[str]:
    rows = [
        (one["author"], one["decisions"], f"{one['minutes_reviewed']:.1f}")
        for one in card["people"]
    ]
    table = _table(("who", "decisions", "minutes reviewed"), rows)
    return [*table, _agreement_text(card["agreement"]), ""]


def _suggesting_models(card: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            one["name"],
            one["version"] or "",
            (one["sha256"] or "")[:SHOWN_SHA],
            one["videos"],
        )
        for one in card["models"]
    ]
    return _table(("model", "version", "SHA-256", "videos"), rows)


def _videos(card: Mapping[str, Any]) -> list[str]:
    rows = [
        (
            one["name"],
            one["title"],
            f"{one['minutes_reviewed']:.1f}",
            sum(one["counts"].values()),
        )
        for one in card["matches"]
    ]
    return _table(("folder", "match", "minutes reviewed", "events"), rows)


def _part(made: DatasetContent, part: str) -> dict[str, Any]:
    taken = made.split.take(made.matches, part)
    counts = Counter(event.label for match in taken for event in match.labels.events)
    spans = [span for match in taken for span in match.labels.reviewed or ()]
    return {
        "matches": [match.name for match in taken],
        "minutes": round(sum(end - start for start, end in spans) / 60, 3),
        "counts": dict(counts.most_common()),
    }


def _people(sources: Sequence[Truth]) -> list[dict[str, Any]]:
    decisions, seconds = Counter[str](), defaultdict[str, float](float)
    for truth in sources:
        told = truth.provenance
        decisions.update(str(line["author"]) for line in told.history)
        for span in told.reviewed or ():
            seconds[span.author or "unknown"] += span.to_s - span.from_s
    return [
        {
            "author": author,
            "decisions": decisions[author],
            "minutes_reviewed": round(seconds[author] / 60, 3),
        }
        for author in sorted({*decisions, *seconds})
    ]


def _models(sources: Sequence[Truth]) -> list[dict[str, Any]]:
    used: dict[tuple[str, str | None], dict[str, Any]] = {}
    for truth in sources:
        for one in truth.provenance.models:
            known = used.setdefault(
                (one.name, one.sha256), {**asdict(one), "videos": 0}
            )
            known["videos"] += 1
    return list(used.values())


def _entry(entry: Entry) -> dict[str, Any]:
    truth = entry.truth
    return {
        "name": entry.name,
        "match": entry.group,
        "title": truth.title,
        "date": truth.played_on.isoformat() if truth.played_on else None,
        "competition": truth.competition,
        "teams": list(truth.teams),
        "minutes_reviewed": round(truth.reviewed_s / 60, 3),
        "counts": entry.counts,
        "rejected": len(truth.rejected),
        "source": {
            "video_id": str(truth.video_id),
            "sha256": truth.sha256,
            "joined_of": list(truth.joined_of),
            "size_bytes": truth.size_bytes,
        },
        "files": dict(entry.files),
    }


def _minutes(entries: Sequence[Entry]) -> float:
    return round(sum(entry.truth.reviewed_s for entry in entries) / 60, 3)


def _agreement_text(agreement: Mapping[str, int]) -> str:
    twice = agreement["decided_twice"]
    if not twice:
        return "No event was decided by two people."
    return (
        f"{_count(twice, 'event')} were decided by two people or more: "
        f"{agreement['kept_verdict']} with the same verdict, {agreement['kept_type']} "
        f"as an event of the same type, {agreement['within_s']} of these within half a "
        "second. Who leaves a decision as it is leaves no trace, so that these are the "
        "doubtful ones."
    )


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> list[str]:
    if not rows:
        return ["None.", ""]
    lines = [head, ["---"] * len(head), *rows]
    return [*(f"| {' | '.join(map(_cell, line))} |" for line in lines), ""]


def _cell(value: object) -> str:
    """Write a value so that it stays in its cell."""
    return " ".join(str(value).replace("|", "\\|").splitlines())
