"""What tests of Teach share: reviewed matches, trainings and comparisons as rows.

The service is real, and so is the browser; a test writes what a worker that trains or
compares would, with the functions that such a worker calls.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import func

from app.comparisons.service import ask_for_comparison, keep_result
from app.core.broker.notifier import TRAIN_QUEUE
from app.core.db.base import utc_now
from app.core.principal import DEFAULT_PROJECT_ID
from app.health.tables import WorkerHeartbeat
from app.jobs.tables import Job, JobStatus
from app.trainings.options import TrainingOptions
from app.trainings.service import (
    Point,
    add_line,
    add_points,
    add_training,
    finish,
    note_data,
)
from app.videos.tables import Video
from model.checkpoint.publish import publish_checkpoint
from tests.acceptance.page_service import FPS, PageService

HALF_S = 1500.0
REVIEWED_S = 720


@dataclass(frozen=True)
class TeachService:
    """A running API whose trainings and comparisons a test makes by hand."""

    pages: PageService
    checkpoint: Path

    def employ(self) -> None:
        """Say that a worker that trains is alive, wherever it may be."""
        with self.pages.api.service.sessions.begin() as session:
            row = WorkerHeartbeat(name="trainer", kind=TRAIN_QUEUE, info={})
            # A slow machine shall not take it for dead before the test has ended.
            row.seen_at = func.now() + timedelta(hours=1)
            session.add(row)

    def install(self, name: str = "hall") -> str:
        """Publish a checkpoint as the next version of a name."""
        return publish_checkpoint(
            self.checkpoint, name, self.pages.api.data_dir / "models"
        )

    def half(self, title: str = "Cup final", *, events: int = 60) -> UUID:
        """Upload a half that a model has analysed; nobody has looked at it."""
        video_id = self.pages.upload(title)
        self.pages.finish(video_id, events=events)
        with self.pages.api.service.sessions.begin() as session:
            session.get_one(Video, video_id).duration_s = HALF_S
        return video_id

    def review(self, video_id: UUID, *, until_s: float = REVIEWED_S) -> None:
        """Mark the first minutes of a match as reviewed."""
        answer = self.pages.api.client.post(
            f"/videos/{video_id}/reviewed", json={"from_s": 0, "to_s": until_s}
        )
        assert answer.status_code == 200, answer.text

    def train(self, *, name: str = "hall", base: str | None = None) -> UUID:
        """Ask for a training, past the checks of the route; it waits."""
        with self.pages.api.service.sessions.begin() as session:
            training, _ = add_training(
                session,
                name=name,
                base=base,
                options=TrainingOptions(start="base" if base else "noise"),
                warnings=[],
            )
            return training.id

    def bring(self, training_id: UUID, **values: object) -> None:
        """Let the job of a training stand where a worker would have brought it."""
        job_id = self.pages.api.client.get(f"/trainings/{training_id}").json()["job_id"]
        self.set_job(UUID(job_id), **values)

    def set_job(self, job_id: UUID, **values: object) -> None:
        """Set columns of a job."""
        with self.pages.api.service.sessions.begin() as session:
            job = session.get_one(Job, job_id)
            for name, value in values.items():
                setattr(job, name, value)

    def grow(self, training_id: UUID, *, first: int = 0, steps: int = 6) -> None:
        """Add what a worker tells while it trains: data, curves, log."""
        with self.pages.api.service.sessions.begin() as session:
            note_data(session, training_id, DATA)
            add_points(session, training_id, _points(range(first, first + steps)))
            add_line(session, training_id, f"step {(first + steps) * 10} is done")

    def end(self, training_id: UUID, *, model: str, comparison_id: UUID | None) -> None:
        """End a training with the model that it made."""
        with self.pages.api.service.sessions.begin() as session:
            finish(
                session,
                training_id,
                model=model,
                figures=FIGURES,
                comparison_id=comparison_id,
            )
        self.bring(
            training_id, status=JobStatus.SUCCEEDED, progress=1.0, finished_at=utc_now()
        )

    def compare(self, models: Sequence[str], video_id: UUID) -> UUID:
        """Make a comparison in which the first model found what the others missed."""
        with self.pages.api.service.sessions.begin() as session:
            comparison = ask_for_comparison(
                session,
                project_id=DEFAULT_PROJECT_ID,
                models=models,
                holdout={video_id: [(0.0, 40.0)]},
            )
            moments = [_moment(video_id, frame, models) for frame in MOMENTS]
            keep_result(session, comparison.id, _result(models), moments)
            job = session.get_one(Job, comparison.job_id)
            job.status, job.progress, job.finished_at = "succeeded", 1.0, utc_now()
            return comparison.id


MOMENTS = {30: "missed", 90: "false_alarm", 150: "missed", 210: "wrong_type"}
BOTH_WRONG = 150

DATA: Mapping[str, object] = {
    "minutes": REVIEWED_S / 60,
    "counts": {"train": {"PASS": 30, "SHOT": 6}, "val": {"PASS": 12, "SHOT": 3}},
    "split": {"by": "stretches", "note": "One match: far-apart stretches of it."},
    "agreement": {
        "decided_twice": 0,
        "kept_verdict": 0,
        "kept_type": 0,
        "within_s": 0,
    },
    "left_out": [],
    "holdout": [],
}
NEED = {"type": "SHOT", "more": 12, "gain": 0.09, "text": "12 more SHOTs would help."}
FIGURES: Mapping[str, object] = {
    "types": {
        "PASS": {"ap": 0.61, "f1": 0.7, "events": 12, "threshold": 0.4},
        "SHOT": {"ap": None, "f1": None, "events": 3, "threshold": 0.5},
    },
    "needs": [NEED],
}


def _points(steps: range) -> list[Point]:
    loss = [
        Point("loss", "head", step * 10, {"loss": 2 / (step + 1)}) for step in steps
    ]
    ap = {"PASS": 0.5, "SHOT": 0.1, "mean": 0.3}
    last = steps[-1] * 10
    return [
        *loss,
        Point("validation", "head", steps[0] * 10, dict.fromkeys(ap, 0.0)),
        Point("validation", "head", last, ap),
    ]


def _result(models: Sequence[str]) -> dict[str, object]:
    def around(value: float) -> dict[str, float]:
        return {"value": value, "low": value - 0.1, "high": value + 0.08}

    new, *others = models
    types = [
        {
            "type": label,
            "events": events,
            "models": [
                {
                    "name": name,
                    "ap": around(0.62 if name == new else 0.5),
                    "f1": around(0.7 if name == new else 0.6),
                    "precision": 0.8,
                    "recall": 0.75,
                }
                for name in models
            ],
            "differences": [
                {
                    "model": new,
                    "against": other,
                    **dict.fromkeys(("ap", "f1", "both"), around(0.12)),
                }
                for other in others
            ],
        }
        for label, events in (("PASS", 33), ("SHOT", 9))
    ]
    return {
        "models": [{"name": name, "sha256": "f00d"} for name in models],
        "holdout": {
            "videos": 1,
            "minutes": 0.7,
            "note": "Intervals are drawn from 4 stretches.",
            "left_out": [],
        },
        "verdict": {
            "text": f"{new} is better for PASS; no difference seen for SHOT: 9 events.",
            "by_type": [
                _verdict("PASS", 33, others[0], "better"),
                _verdict("SHOT", 9, others[0], "no_difference"),
            ],
        },
        "types": types,
        "left_out": {},
        "unknown": {"SERVE": 2},
        "warnings": [],
        "errors": len(MOMENTS),
    }


def _verdict(label: str, events: int, against: str, verdict: str) -> dict[str, object]:
    text = verdict.replace("_", " ")
    return {
        "type": label,
        "events": events,
        "against": against,
        "verdict": verdict,
        "text": text,
    }


def _moment(video_id: UUID, frame: int, models: Sequence[str]) -> dict[str, object]:
    kind = MOMENTS[frame]
    is_event = kind != "false_alarm"
    right = {"kind": "hit" if is_event else "quiet", "score": 0.9}
    wrong = {"kind": kind, "score": None}
    nothing = {"label": None, "time_s": None}
    new = wrong if frame == BOTH_WRONG else right
    said = dict.fromkeys(models, wrong) | {models[0]: new}
    return {
        "video_id": video_id,
        "time_ms": round(frame * 1000 / FPS),
        "frame": frame,
        "label": "PASS" if frame % 60 == 30 else "SHOT",
        "is_event": is_event,
        "by_model": {name: {**one, **nothing} for name, one in said.items()},
    }
