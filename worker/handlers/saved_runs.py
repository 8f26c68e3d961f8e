"""How a run of spotting is saved while it goes on, and what the next one finds.

Whatever is wrong with what was saved costs the next run its head start, nothing more;
whatever keeps a run from saving costs it that part, never the run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.core.errors import StorageFull
from app.core.storage.keys import saved_run_key
from app.jobs.saved_runs import name_saved, saved_of
from app.videos.tables import Video
from model.spotting.predictor import Predictor
from model.spotting.resume import SavedPart, SavedRun, Saving
from worker.handlers.storing import refuse_to_fill_the_disk
from worker.job_task import HandlerContext, JobTask

MOST_PARTS = 100_000  # of one run; more are a ring

log = structlog.get_logger(__name__)


def saving_of(
    task: JobTask, context: HandlerContext, predictor: Predictor, video_id: UUID
) -> Saving:
    """Have a run saved; it goes on where an earlier one of the same things ended.

    Raises:
        SQLAlchemyError: the database does not answer.
    """
    saver = _RunSaver(task, context, video_id)
    saver.inputs = inputs_of(task, context, predictor, video_id)
    every_s = context.settings.save_every.total_seconds()
    return Saving(saver.save, saver.load(), every_s)


@dataclass(slots=True)
class _RunSaver:
    """Stores the parts of one run."""

    task: JobTask
    context: HandlerContext
    video_id: UUID
    inputs: Mapping[str, object] = field(default_factory=dict)
    last_key: str | None = None
    count: int = 0

    def load(self) -> SavedRun | None:
        """Read what earlier runs left; None if that is nothing, or not of use."""
        with self.context.sessions() as session:
            self.last_key = saved_of(session, self.task.job_id)
        if self.last_key is None:
            return None
        try:
            found = SavedRun.of(self._read_parts(self.last_key))
        except (OSError, ValueError, TypeError, KeyError) as exc:
            log.warning("saved_run_not_usable", error=str(exc))
            self.last_key = None
            return None
        log.info("run_goes_on", done=round(found.done, 3), steps=found.state.steps)
        return found

    def _read_parts(self, key: str | None) -> list[SavedPart]:
        parts: list[SavedPart] = []
        while key is not None and len(parts) < MOST_PARTS:
            part, facts = SavedPart.from_bytes(self.context.storage.get(key))
            if facts["inputs"] != self.inputs:
                raise ValueError("it is of another video, checkpoint or engine")
            parts.insert(0, part)
            before = facts["previous"]
            key = None if before is None else str(before)
        return parts

    def save(self, part: SavedPart) -> bool:
        """Store a part and name it in the job's row; False if that cannot be."""
        if part.first == 0:
            self.last_key = None  # The run began anew.
        storage, task = self.context.storage, self.task
        data = part.to_bytes({"inputs": self.inputs, "previous": self.last_key})
        key = saved_run_key(self.video_id, task.job_id, task.token, self.count)
        self.count += 1
        try:
            refuse_to_fill_the_disk(self.context, len(data), what="state of the run")
            storage.put(key, data)
            is_named = self._name(key, part.done)
            if not is_named:
                storage.delete(key)
        except (StorageFull, OSError, SQLAlchemyError) as exc:
            log.warning("run_not_saved", error=str(exc))
            return False
        if is_named:
            self.last_key = key
        return is_named

    def _name(self, key: str, done: float) -> bool:
        with self.context.sessions.begin() as session:
            return name_saved(
                session, self.task.job_id, self.task.token, key=key, done=done
            )


def inputs_of(
    task: JobTask, context: HandlerContext, predictor: Predictor, video_id: UUID
) -> dict[str, object]:
    """Tell all that the scores depend on, as JSON has it.

    Raises:
        SQLAlchemyError: the database does not answer.
    """
    with context.sessions() as session:
        sha256 = session.scalar(select(Video.sha256).where(Video.id == video_id))
    manifest = predictor.manifest
    return {
        "source": task.source_key,
        "sha256": sha256,
        "files": {name: file.sha256 for name, file in sorted(manifest.files.items())},
        "engine": predictor.engine,
        "frames": manifest.frame_spec.to_dict(),
        "windows": [manifest.config.clip_len, manifest.spotting.overlap],
        "versions": [version("touchline"), version("av"), version("numpy")],
    }
