"""The files of a data set: labels, split, classes, card and checksums."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from app.datasets.agreement import agreement_in
from app.datasets.card import DatasetContent, Entry, LeftOut, card_of, readme_of
from app.datasets.parts import Holdout, split_entries
from app.datasets.staging import CARD, Staging
from app.datasets.truth import Truth
from app.datasets.video_files import Mode, sha256_of
from model.data.formats.touchline_json import event_object
from model.data.labels import label_names
from model.data.matches import find_matches
from model.reporter import Reporter

SPLIT, CLASSES, README, SUMS = "split.json", "classes.txt", "README.md", "SHA256SUMS"
FALSE_ALARMS = "false_alarms.json"


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What a data set is to be.

    Attributes:
        project_id: whose videos.
        videos: their ids; none: all of which something is reviewed.
        mode: how videos come along.
        licence: what it may be used for, in the user's words.
        seed: of the split.
        holdout: what is held out to measure by; None: the usual shares.
        learned: ids of videos that the base of a training has learned from, and the
            checksums of their files: they are held out last.
        may_replace: an earlier export may be replaced.
    """

    project_id: UUID
    videos: Sequence[str] = ()
    mode: Mode = "copy"
    licence: str | None = None
    seed: int = 0
    may_replace: bool = False
    holdout: Holdout | None = None
    learned: Collection[str] = ()


@dataclass(slots=True)
class Work:
    """What an export has gathered so far.

    Attributes:
        match_of: by the id of a video.
    """

    match_of: dict[UUID, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    sources: list[Truth] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def labels_text(truth: Truth, file: str) -> str:
    """Write our own labels; `provenance.reviewed` says which stretches count."""
    document = {
        "video": Path(file).name,
        "provenance": truth.provenance.to_dict(),
        "events": [event_object(event) for event in truth.events],
        "rejected": [
            {
                "type": one.label,
                "time_s": one.time_s,
                "frame": one.frame,
                "score": one.score,
            }
            for one in truth.rejected
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def finish(
    staging: Staging,
    name: str,
    options: ExportOptions,
    work: Work,
    now: datetime,
    touchline: str,
    report: Reporter,
) -> dict[str, Any]:
    """Write what is about all matches: split, classes, card and checksums."""
    sums = {file: sha for entry in work.entries for file, sha in entry.files.items()}
    staging.keep_only(set(sums))
    matches = find_matches(staging.folder)
    split = split_entries(
        work.entries,
        matches,
        seed=options.seed,
        holdout=options.holdout,
        learned=options.learned,
    )
    if split.note:
        report(f"note: {split.note}")
    classes = label_names(matches)
    history = [line for one in work.sources for line in one.provenance.history]
    made = DatasetContent(
        name=name,
        created_at=now.isoformat(timespec="seconds"),
        licence=options.licence,
        touchline=touchline,
        mode=options.mode,
        entries=work.entries,
        sources=work.sources,
        left_out=work.left_out,
        classes=classes,
        split=split,
        matches=matches,
        agreement=agreement_in(history),
    )
    card = card_of(made)
    staging.write_text(SPLIT, split.to_json())
    staging.write_text(CLASSES, "".join(f"{label}\n" for label in classes))
    staging.write_text(FALSE_ALARMS, _false_alarms_text(work.entries))
    staging.write_text(CARD, json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    staging.write_text(README, readme_of(card))
    own = (SPLIT, CLASSES, FALSE_ALARMS, CARD, README)
    sums |= {file: sha256_of(staging.folder / file) for file in own}
    lines = (f"{sha256}  {file}\n" for file, sha256 in sorted(sums.items()))
    staging.write_text(SUMS, "".join(lines))
    return card


def _false_alarms_text(entries: Sequence[Entry]) -> str:
    """Write what people rejected, for `data.hard_negatives` of a training's config."""
    alarms = [
        {
            "match": entry.name,
            "label": one.label,
            "time_s": one.time_s,
            "score": one.score,
        }
        for entry in entries
        for one in entry.truth.rejected
        if one.score
    ]
    raw = {"format": "touchline-false-alarms", "false_alarms": alarms}
    return json.dumps(raw, indent=1, ensure_ascii=False) + "\n"
