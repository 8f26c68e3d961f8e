"""What is kept of a comparison, as JSON: figures, differences, verdicts, moments."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.checkpoints.lineage import Learned
from model.evaluation.compare import Figure, ModelComparison, TypeComparison
from model.evaluation.moments import Moment
from model.evaluation.verdicts import type_text, verdict_text

LEARNED_S = 1.0  # less of it is where stretches touch


@dataclass(frozen=True, slots=True)
class Holdout:
    """On what models were compared.

    Attributes:
        videos: how many; `seconds` of them.
        left_out: why, by the video's id.
        learned: how much of it a model has learned from, by its name.
    """

    videos: int
    seconds: float
    left_out: Mapping[str, str]
    learned: Mapping[str, Learned]

    def note(self, compared: ModelComparison) -> str:
        """Say what intervals were drawn from."""
        pieces = "matches" if compared.are_matches else "stretches"
        note = f"Intervals are drawn from {compared.units} {pieces}."
        if self.left_out:
            note += f" Left out: {len(self.left_out)} videos."
        return note

    def warnings(self) -> list[str]:
        """Say which figures flatter their model, or may."""
        minutes = f"{self.seconds / 60:.1f} minutes"
        told = []
        for name, found in self.learned.items():
            if found.seconds > LEARNED_S:
                told.append(
                    f"{name} or a base of it has learned from {found.seconds / 60:.1f} "
                    f"of the {minutes} compared on: its figures flatter it."
                )
            if found.videos:
                told.append(
                    f"{name} or a base of it has learned from a match or a part of one "
                    f"that {found.videos} of the {self.videos} videos compared on show "
                    "as well: its figures may flatter it."
                )
        return told


def result_of(
    compared: ModelComparison,
    models: Sequence[Mapping[str, str | None]],
    held: Holdout,
    *,
    moments: int,
) -> dict[str, object]:
    """Write what is kept; see `app.comparisons.schemas`."""
    names = [str(one["name"]) for one in models]
    return {
        "models": [dict(one) for one in models],
        "holdout": {
            "videos": held.videos,
            "minutes": round(held.seconds / 60, 2),
            "note": held.note(compared),
            "left_out": [
                {"video_id": video_id, "why": why}
                for video_id, why in held.left_out.items()
            ],
        },
        "verdict": {
            "text": verdict_text(compared, names),
            "by_type": [
                {
                    "type": one.label,
                    "events": one.events,
                    "against": difference.against,
                    "verdict": difference.outcome,
                    "text": type_text(one, difference),
                }
                for one in compared.types
                for difference in one.differences
            ],
        },
        "types": [_type_of(one) for one in compared.types],
        "left_out": {name: list(types) for name, types in compared.left_out.items()},
        "unknown": dict(compared.unknown),
        "warnings": held.warnings(),
        "errors": moments,
    }


def moment_row(video_id: UUID, one: Moment) -> dict[str, object]:
    """Write a moment as columns of its table."""
    return {
        "video_id": video_id,
        "time_ms": round(one.time_s * 1000),
        "frame": one.frame,
        "label": one.label,
        "is_event": one.is_event,
        "by_model": {
            name: {
                "kind": said.kind,
                "score": said.score,
                "label": said.label,
                "time_s": said.time_s,
            }
            for name, said in one.said.items()
        },
    }


def _type_of(one: TypeComparison) -> dict[str, object]:
    return {
        "type": one.label,
        "events": one.events,
        "models": [
            {
                "name": each.model,
                "ap": _figure(each.ap),
                "f1": _figure(each.f1),
                "precision": each.precision,
                "recall": each.recall,
            }
            for each in one.models
        ],
        "differences": [
            {
                "model": each.model,
                "against": each.against,
                "ap": _figure(each.ap),
                "f1": _figure(each.f1),
                "both": _figure(each.both),
            }
            for each in one.differences
        ],
    }


def _figure(one: Figure) -> dict[str, float | None]:
    """Write a figure; JSON knows no NaN."""
    values = {"value": one.value, "low": one.interval.low, "high": one.interval.high}
    return {
        name: None if math.isnan(value) else round(value, 4)
        for name, value in values.items()
    }
