"""What the service tells of trainings, as frozen objects; names are the HTTP API's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from touchline.client.records import FINAL, JobError, Status


@dataclass(frozen=True, slots=True)
class TrainingWarning:
    """What is wrong with the data, or what the model that was made lacks."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Need:
    """What more events of a type would bring.

    Attributes:
        outlook: whether a gain is seen, none is, or there is too little to tell.
        more: events to review.
        gain: of average precision; None: it cannot be told.
        text: the same in a sentence.
    """

    type: str
    outlook: Literal["helps", "hardly", "unknown"]
    more: int
    gain: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Training:
    """A training: what was asked for, how far it is, and what came of it.

    Attributes:
        name: of the model, without a version.
        base: what it starts from, with its version.
        stage: of one that runs; `paused`: analyses go first.
        progress: 0 to 1.
        eta_s: how long it still takes at the latest; None: that cannot be told.
        queue_position: of one that waits: 1 is next.
        data: what it learns from and is judged by; None until that is collected.
        figures: how good the model is on what was held out; None until it has ended.
        needs: types of which more events would help, the most first.
        no_gain_seen: the others.
        model: the version that it made.
        comparison_id: with what it started from.
        curves: `loss`, `validation` and `learning`; None in lists.
    """

    id: str
    job_id: str
    name: str
    base: str | None
    start: str
    types: tuple[str, ...] | None
    mapping: Mapping[str, str | None]
    minutes: float
    seed: int
    status: Status
    stage: str | None
    progress: float
    eta_s: float | None
    queue_position: int | None
    warnings: tuple[TrainingWarning, ...]
    data: Mapping[str, Any] | None
    figures: Mapping[str, Any] | None
    needs: tuple[Need, ...]
    no_gain_seen: tuple[Need, ...]
    model: str | None
    comparison_id: str | None
    error: JobError | None
    created_at: datetime
    finished_at: datetime | None
    curves: Mapping[str, Any] | None = None

    @property
    def is_final(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a training's log."""

    number: int
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class TypeCount:
    """Reviewed events of a type, and suggestions that people rejected."""

    events: int
    rejected: int


@dataclass(frozen=True, slots=True)
class ReadinessProblem:
    """What is missing, or wrong; one that blocks keeps a training from beginning."""

    code: str
    detail: str
    is_blocking: bool


@dataclass(frozen=True, slots=True)
class HeldOutVideo:
    """What of a video would be held out; `spans` are from and to in seconds."""

    video_id: str
    title: str
    minutes: float
    spans: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class PlannedHoldout:
    """What a training would be judged by.

    Attributes:
        counts: held out events by type.
        train: events by type that are learned from.
    """

    minutes: float
    videos: tuple[HeldOutVideo, ...]
    counts: Mapping[str, int]
    train: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TrainingReadiness:
    """What is reviewed, and whether it is enough for a training.

    Attributes:
        counts: by type, the most frequent first.
        holdout: None: nothing can be held out.
        needs: types of which more events would help, the most first.
        no_gain_seen: the others.
        needs_note: why there are no needs.
    """

    minutes: float
    counts: Mapping[str, TypeCount]
    holdout: PlannedHoldout | None
    problems: tuple[ReadinessProblem, ...]
    needs: tuple[Need, ...]
    no_gain_seen: tuple[Need, ...]
    needs_note: str | None

    @property
    def is_ready(self) -> bool:
        """Whether a training can begin."""
        return not any(one.is_blocking for one in self.problems)
