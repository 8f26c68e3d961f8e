"""One client of a stream: what it has not been sent yet, in bounded memory."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi.sse import format_sse_event

from app.jobs.kinds import stage_of
from app.streams.changes import JobState, Snapshot, Step, Steps, VideoState

HEARTBEAT_S = 15.0
HEARTBEAT = b": heartbeat\n\n"
RETRY_MS = 2000  # how long a browser waits before it connects again
_STATE, _VIDEO, _RESET = ("state",), ("video",), ("reset",)
MAX_WAITING = 1000  # messages for one client; who reads too slowly reads all anew


@dataclass(frozen=True, slots=True)
class StreamScope:
    """What a client watches.

    Attributes:
        project_id: whose; nothing of another is ever sent.
        video_id: one video; None: the jobs of all of the project's.
        key_id: of the key that opened the stream, which ends with it.
    """

    project_id: UUID
    video_id: UUID | None = None
    key_id: str = ""


class Subscription:
    """Messages on their way to one client.

    Belongs to the event loop's thread. A message that a newer one makes worthless, as
    of a job's progress, is replaced by it.

    Attributes:
        revision: of the video, up to which everything is sent or waits.
    """

    def __init__(
        self, wanted: StreamScope, *, state: VideoState | None, after: int | None
    ) -> None:
        """Begin.

        Args:
            wanted: what is watched.
            state: how the video stood when the client came.
            after: the revision that the client knows already; None: the present one.
        """
        self.wanted = wanted
        self.revision = 0
        self._state = state
        self._jobs: dict[UUID, JobState] = {}
        self._waiting: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._wake = asyncio.Event()
        self._is_ended = False
        if state is None:
            self._put(_STATE, "state", {}, retry=RETRY_MS)
            return
        is_known = after is not None and after <= state.revision
        self.revision = after if after is not None and is_known else state.revision
        self._put(
            *(_STATE, "state", {"revision": self.revision}),
            revision=self.revision,
            retry=RETRY_MS,
        )
        if after is not None and not is_known:
            self._reset()

    def take(self, found: Snapshot) -> None:
        """Note what changed of what is watched."""
        for job in found.jobs.values():
            if self._is_watched(job) and self._jobs.get(job.id) != job:
                self._put(("job", job.id), "job", _told_of(job))
        self._jobs = {
            job.id: job for job in found.jobs.values() if self._is_watched(job)
        }
        if self._state is not None and self.wanted.video_id is not None:
            self._take_video(self.wanted.video_id, self._state, found)

    def end(self) -> None:
        """Send what waits, then end the stream."""
        self._is_ended = True
        self._wake.set()

    async def messages(self) -> AsyncIterator[bytes]:
        """Give what is to be sent, until the end; a comment while it is quiet."""
        while True:
            self._wake.clear()
            if self._waiting:
                data = b"".join(self._waiting.values())
                self._waiting.clear()
                yield data
            elif self._is_ended:
                return
            else:
                try:
                    await asyncio.wait_for(self._wake.wait(), HEARTBEAT_S)
                except TimeoutError:
                    yield HEARTBEAT

    def _is_watched(self, job: JobState) -> bool:
        wanted = self.wanted
        is_own = wanted.video_id is None or job.video_id == wanted.video_id
        return is_own and job.project_id == wanted.project_id

    def _take_video(self, video_id: UUID, before: VideoState, found: Snapshot) -> None:
        now = found.videos.get(video_id)
        if now is None:
            self._put(_VIDEO, "video", {"id": str(video_id), "deleted": True})
            self.end()
            return
        if before.facts != now.facts:
            self._put(_VIDEO, "video", {"id": str(video_id), "deleted": False})
        known, self.revision = self.revision, max(self.revision, now.revision)
        others = 0
        if now.revision > known:
            others = self._take_steps(found.steps[video_id], known)
        # What happened before this connection cannot be told from what did not.
        is_either = others > 0 and before.revision > known
        for kind in ("reviewed", "thresholds"):
            if is_either or getattr(before, kind) != getattr(now, kind):
                told = {"revision": now.revision}
                self._put((kind,), kind, told, revision=now.revision)
        self._state = now

    def _take_steps(self, found: Steps, known: int) -> int:
        """Tell decisions one by one; returns how many revisions were none."""
        if found.since > known:
            self._reset()
            return 0
        later = [step for step in found.steps if step.revision > known]
        for step in later:
            self._put(
                *(("step", step.revision), "decision", _told_of_step(step)),
                revision=step.revision,
            )
        return self.revision - known - len(later)

    def _reset(self) -> None:
        """Tell the client to read everything anew, instead of what waits."""
        for key in [key for key in self._waiting if key != _STATE]:
            del self._waiting[key]
        told = {"revision": self.revision} if self.wanted.video_id else {}
        revision = self.revision if self.wanted.video_id else None
        self._put(_RESET, "reset", told, revision=revision)

    def _put(
        self,
        key: tuple[object, ...],
        event: str,
        data: Mapping[str, Any],
        *,
        revision: int | None = None,
        retry: int | None = None,
    ) -> None:
        self._waiting.pop(key, None)
        if len(self._waiting) >= MAX_WAITING:
            self._reset()
        self._waiting[key] = format_sse_event(
            data_str=json.dumps(data),
            event=event,
            id=None if revision is None else str(revision),
            retry=retry,
        )
        self._wake.set()


def _told_of(job: JobState) -> dict[str, object]:
    error = None
    if job.error_code is not None:
        error = {"code": job.error_code, "detail": job.error_detail or ""}
    return {
        "id": str(job.id),
        "video_id": None if job.video_id is None else str(job.video_id),
        "kind": job.kind,
        "status": job.status,
        "stage": stage_of(job.kind, job.status, job.stage),
        "progress": round(job.progress, 4),
        "eta_s": job.eta_s,
        "error": error,
    }


def _told_of_step(step: Step) -> dict[str, object]:
    return {
        "revision": step.revision,
        "step_id": str(step.step_id),
        "author": step.author,
        "events": None if step.events is None else [str(one) for one in step.events],
    }
