"""When each frame of a video is shown: stored by the jobs that decode it."""

from collections import OrderedDict
from functools import lru_cache
from threading import Lock
from uuid import UUID

import structlog
from sqlalchemy import Update, update

from app.core.storage.interface import Storage
from app.videos.tables import Video
from model.video.frame_times import MAX_FRAMES, FrameTimes

LIVE_S = 12 * 3600.0  # no stream lasts longer
KEPT = 16  # videos whose times stay in memory, at most 28 MB each

log = structlog.get_logger(__name__)


def show_frame_times(video_id: UUID, key: str) -> Update:
    """Let a video's frames have these times; those before are no longer named."""
    return (
        update(Video)
        .where(Video.id == video_id)
        .values(frame_times_key=key)
        .execution_options(synchronize_session=False)
    )


def load_frame_times(video: Video, storage: Storage) -> FrameTimes | None:
    """Read when each frame of a video is shown; None: not known, or no longer."""
    key = video.frame_times_key
    if key is None:
        return None
    found = _kept.get(key)
    if found is None:
        try:
            found = FrameTimes.from_bytes(storage.get(key))
        except FileNotFoundError:
            return None
        except ValueError as exc:
            log.warning("frame_times_damaged", key=key, error=str(exc))
            return None
        _kept.keep(key, found)
    return found


def fallback_from_facts(video: Video) -> FrameTimes | None:
    """Suppose a constant rate, by what the probe said; None: it has not looked yet.

    For videos whose frames' times are not known: wrong where the rate varies.
    """
    fps, facts = video.fps, video.facts or {}
    if fps and video.duration_s is None and "live" in (video.source or {}):
        return _of_a_stream(fps)
    if not fps or not video.duration_s:
        return None
    counted = facts.get("frame_count_estimate")
    frames = counted if isinstance(counted, int) else round(video.duration_s * fps)
    return FrameTimes.constant(fps=fps, frames=min(max(frames, 1), MAX_FRAMES))


@lru_cache(maxsize=4)
def _of_a_stream(fps: float) -> FrameTimes:
    """Suppose a constant rate, for as long as a live stream may last."""
    return FrameTimes.constant(fps=fps, frames=min(round(LIVE_S * fps), MAX_FRAMES))


class _Kept:
    """The times that were read last. No key is ever written twice, so none is old."""

    def __init__(self, places: int) -> None:
        self._places, self._lock = places, Lock()
        self._times: OrderedDict[str, FrameTimes] = OrderedDict()

    def get(self, key: str) -> FrameTimes | None:
        with self._lock:
            found = self._times.get(key)
            if found is not None:
                self._times.move_to_end(key)
            return found

    def keep(self, key: str, times: FrameTimes) -> None:
        with self._lock:
            self._times[key] = times
            while len(self._times) > self._places:
                self._times.popitem(last=False)


_kept = _Kept(KEPT)
