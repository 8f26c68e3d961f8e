"""From times to frames of a video and back, with problems for what is not there."""

from dataclasses import dataclass

from app.annotations.problems import FrameBeyondEnd
from app.core.errors import FramesUnknown
from app.core.storage.interface import Storage
from app.videos.frame_times import fallback_from_facts, load_frame_times
from app.videos.tables import Video
from model.video.frame_times import FrameTimes


@dataclass(frozen=True, slots=True)
class FrameClock:
    """The frames of a video, of a constant rate or not."""

    times: FrameTimes

    @classmethod
    def of(cls, video: Video, storage: Storage) -> "FrameClock":
        """Read when the frames of a video are shown; else suppose a constant rate.

        Raises:
            FramesUnknown: no job has looked at the file yet.
        """
        times = load_frame_times(video, storage) or fallback_from_facts(video)
        if times is None:
            raise FramesUnknown(
                "The frames of this video are not known yet: wait until its job has "
                "looked at the file, then send this again."
            )
        return cls(times)

    def time_ms_of(self, frame: int) -> int:
        """Tell when a frame is shown first.

        Raises:
            FrameBeyondEnd: the video has no such frame.
        """
        last = len(self.times) - 1
        if not 0 <= frame <= last:
            raise FrameBeyondEnd(
                f"Frame {frame} is beyond the end: the frames of this video are 0 to "
                f"{last}.",
                last_frame=last,
            )
        return round(self.times.time_of(frame) * 1000)

    def frame_at(self, time_s: float) -> int:
        """Tell which frame is shown at a time; before the first one, the first.

        Raises:
            FrameBeyondEnd: the video is over by then.
        """
        if time_s >= self.times.until_s:
            last = len(self.times) - 1
            raise FrameBeyondEnd(
                f"The video is over at {time_s:g} s: its last frame, {last}, is shown "
                f"until {self.times.until_s:.3f} s.",
                last_frame=last,
            )
        return self.times.frame_at(time_s)
