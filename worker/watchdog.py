"""Watches a worker's processes from outside the thread that may hang.

The parent of the GPU worker watches its child and whether it hears messages; every
diagnosis is a plain function of what was observed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.core.settings import Settings

LOADING_LIMIT_S = 300.0  # a checkpoint is loaded by then, also on a slow disk
IDLE_SWEEPS = 4  # so many sweeps' time, work or messages may wait for an idle worker
MISSING_LIMIT_S = 60.0  # the pool makes a new child within a second or two
MOST_UNREADY = 3  # children in a row that end before they are ready
RESTART_CODE = 75  # EX_TEMPFAIL: whoever supervises starts the worker anew


class Remedy(StrEnum):
    """What helps against what was seen."""

    REPLACE_CHILD = "replace_child"  # kill it; Celery's pool makes a new one
    RESTART = "restart"  # end the whole worker; its supervisor starts it anew


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """That something is wrong, and what to do."""

    remedy: Remedy
    reason: str


@dataclass(frozen=True, slots=True)
class Child:
    """The child that works, by its heartbeat.

    Attributes:
        process: what tells it from any other.
        seen_at: its last heartbeat; None: none yet.
        info: what that heartbeat said.
    """

    process: str
    seen_at: datetime | None
    info: Mapping[str, object]

    @property
    def is_ready(self) -> bool:
        """Whether its checkpoint is loaded and it looks for work."""
        return self.info.get("state") == "ready"


@dataclass(frozen=True, slots=True)
class Observation:
    """What the parent sees at one moment.

    Attributes:
        child: None if the pool has no living child.
        has_work: whether jobs wait that the child could claim.
        messages: how many wait at the broker; None: unknown, or of no meaning.
    """

    child: Child | None
    has_work: bool
    messages: int | None


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each trouble may last, in seconds."""

    silent_s: float  # a ready child without a heartbeat: its lease has run out, too
    idle_s: float  # work or messages wait while the child is idle
    loading_s: float = LOADING_LIMIT_S
    missing_s: float = MISSING_LIMIT_S

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            silent_s=settings.lease.total_seconds(),
            idle_s=settings.sweep_every.total_seconds() * IDLE_SWEEPS,
        )


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Something that may be wrong.

    Attributes:
        key: None: it is not seen; else what must stay the same while it lasts.
        words: the reason for a remedy, before the seconds it has lasted.
        is_told: it is read from heartbeats: without a new one, no time counts.
    """

    name: str
    key: object
    limit_s: float
    remedy: Remedy
    words: str
    is_told: bool = False


class Watchdog:
    """Diagnoses by one observation after another; a trouble must last without a break.

    Time counts only between observations, and each for no more than it should take: a
    machine that slept or a database that was away is no trouble of the worker.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lasting: dict[str, tuple[object, float]] = {}
        self._heard: datetime | None = None
        self._unready: set[str] = set()  # children since the last that was ready

    def forget(self) -> None:
        """Start anew, for nothing could be seen."""
        self._lasting.clear()

    def diagnose(self, seen: Observation, *, passed_s: float) -> Diagnosis | None:
        """Say what to do now; None: nothing is wrong, or not for long enough.

        Args:
            seen: what was observed.
            passed_s: the time since the observation before.
        """
        heard = seen.child.seen_at if seen.child is not None else None
        is_news, self._heard = heard != self._heard, heard
        if seen.child is not None and seen.child.is_ready:
            self._unready.clear()
        elif seen.child is not None:
            self._unready.add(seen.child.process)
        if len(self._unready) > MOST_UNREADY:  # The pool would go on like this.
            reason = f"{MOST_UNREADY} children in a row ended before they were ready"
            return Diagnosis(Remedy.RESTART, reason)
        diagnoses = []
        for trouble in _troubles(seen, self._limits):
            counts_s = passed_s if is_news or not trouble.is_told else 0.0
            lasts_s = self._lasts(trouble, counts_s)
            if trouble.key is not None and lasts_s >= trouble.limit_s:
                reason = f"{trouble.words} for {lasts_s:.0f} s"
                diagnoses.append(Diagnosis(trouble.remedy, reason))
        return diagnoses[0] if diagnoses else None

    def _lasts(self, trouble: _Trouble, passed_s: float) -> float:
        """Tell how long the same has been seen."""
        key, lasts_s = self._lasting.get(trouble.name, (None, 0.0))
        lasts_s = lasts_s + passed_s if key == trouble.key else 0.0
        self._lasting[trouble.name] = (trouble.key, lasts_s)
        return lasts_s


def _troubles(seen: Observation, limits: Limits) -> list[_Trouble]:
    """List what could be wrong, the surest first."""
    silent = missing = loading = idle = deaf = None
    child = seen.child
    if child is None:
        missing = True
    elif not child.is_ready:
        loading = child.process
    else:
        silent = (child.process, child.seen_at)
        if child.info.get("job") is None and seen.has_work:
            idle = (child.process, child.info.get("runs"))
        if child.info.get("job") is None and seen.messages:
            deaf = (child.process, child.info.get("messages"))
    replace, restart = Remedy.REPLACE_CHILD, Remedy.RESTART
    return [
        _Trouble("silent", silent, limits.silent_s, replace, "no heartbeat came"),
        _Trouble("loading", loading, limits.loading_s, replace, "it was not ready"),
        _Trouble("missing", missing, limits.missing_s, restart, "there was no child"),
        _Trouble(
            "idle", idle, limits.idle_s, restart, "the idle child took no job", True
        ),
        _Trouble("deaf", deaf, limits.idle_s, restart, "no message was received", True),
    ]
