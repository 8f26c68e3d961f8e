"""The decoding process's side of a live stream: bytes in, steps, gaps and segments out.

Runs in the sandbox; what it reads from was opened before.
"""

import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import av.error
from av.video.frame import VideoFrame

from model.errors import NoVideoStream
from model.video.frame_spec import FrameSpec
from model.video.limits import CODECS, DECODER_SLACK, MediaLimits
from model.video.live.connection import SPEAKING
from model.video.live.fragments import can_copy, sound_of
from model.video.live.live_clock import LiveClock, WallClock
from model.video.live.live_opening import open_input
from model.video.live.recorder import Recorder
from model.video.live.segment_writer import SegmentWriter
from model.video.live.step_chooser import RateLimit, StepChooser
from model.video.opening import find_video
from model.video.picture import FrameConverter
from model.video.ring import Ring
from model.video.sender import MessageChannel

_LONGEST_DAMAGE_S = 10.0


class LiveReceiver:
    """Reads one connection of a live source, as a request asks for it."""

    def __init__(
        self,
        request: Mapping[str, Any],
        channel: MessageChannel,
        free: threading.Semaphore,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            request: as `model.video.live.session` writes it.
            channel: carries the messages.
            free: counts the ring's free slots.
        """
        self._request, self._channel, self._free = request, channel, free
        self._recorder: Recorder | None = None

    def run(self) -> None:
        """Read to the end; the messages are sent as they come up.

        Raises:
            NoVideoStream, UnreadableVideo, UnsupportedMedia, VideoLimitExceeded: what
                the source sends cannot be used.
            SourceUnreachable: the other side refuses.
        """
        is_asked_for = self._request["input"] in SPEAKING
        began_at = time.monotonic() if is_asked_for else self._request["began_at"]
        with open_input(self._request) as container:
            pictures = _Pictures(self._request, self._channel, self._free, container)
            pictures.began_at = began_at
            self._recorder = pictures.recorder
            try:
                pictures.read()
            finally:
                self._end_recording()
        self._channel.send(kind="end")

    def stop(self) -> None:
        """Write what is recorded so far and end the process; from another thread."""
        self._end_recording()
        os._exit(0)

    def _end_recording(self) -> None:
        if self._recorder is not None:
            self._recorder.close()


class _Pictures:
    """Decodes one connection: steps, gaps, facts, and what is recorded."""

    def __init__(
        self,
        request: Mapping[str, Any],
        channel: MessageChannel,
        free: threading.Semaphore,
        container: Any,
    ) -> None:
        self._request, self._channel, self._free = request, channel, free
        self._container = container
        self._spec = FrameSpec.from_dict(request["spec"])
        self._limits = MediaLimits(**request["limits"])
        self._ring = Ring(request["ring"], self._spec, slots=request["slots"])
        self._converter = FrameConverter(self._spec)
        self._chooser = StepChooser(fps=self._spec.fps, gap_s=request["gap_s"])
        self._rate = RateLimit(self._limits.max_fps)
        self._clock, self._wall = LiveClock(), WallClock()
        self._first_s: float | None = None
        self.began_at = time.monotonic()
        self._steps = 0
        self._size = (0, 0)
        self._before: VideoFrame | None = None
        self._time_s: float | None = None
        self._damaged_from_s: float | None = None
        self._slow_from_s: float | None = None
        self._video = self._find_video()
        self._sound = sound_of(container)
        self.recorder = self._start_recorder()

    def read(self) -> None:
        """Read to the end."""
        for packet in self._packets():
            if packet.stream.index == self._video.index:
                self._decode(packet)
            if self.recorder is not None and packet.size:
                self.recorder.packet(packet)  # Now its size is known.

    def _find_video(self) -> Any:
        try:
            video = find_video(self._container)
        except NoVideoStream as exc:
            kinds = sorted({stream.type for stream in self._container.streams})
            raise NoVideoStream(
                f"The source sends no pictures (only: {', '.join(kinds) or 'nothing'})."
                " Switch the encoder's video on."
            ) from exc
        self._limits.check_size(video.width, video.height)
        # Threads that decode several pictures at once would hold them back.
        video.thread_type = "SLICE"
        video.codec_context.options = {
            "codec_whitelist": CODECS,
            "max_pixels": str(self._limits.max_pixels * DECODER_SLACK),
        }
        return video

    def _start_recorder(self) -> Recorder | None:
        if self._request["record"] is None:
            return None
        writer = SegmentWriter(
            self._request["record"],
            self._video,
            self._sound,
            segment_s=self._request["segment_s"],
            is_after_gap=self._request["last_s"] is not None,
        )
        recorder = Recorder(
            writer,
            told=lambda why: self._channel.send(kind="record_failed", why=why),
        )
        recorder.start()
        return recorder

    def _packets(self) -> Iterator[Any]:
        wanted = [one for one in (self._video, self._sound) if one is not None]
        packets = self._container.demux(wanted)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.error.FFmpegError, IndexError):
                return  # The connection has ended, well or not.
            yield packet

    def _decode(self, packet: Any) -> None:
        if self._first_s is None and packet.pts is not None:
            self._first_s = float(packet.pts * packet.time_base)
        if packet.is_corrupt:
            self._note_damage()
            packet.is_corrupt = False  # The picture may be whole all the same.
        try:
            pictures = self._video.decode(packet if packet.size else None)
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            self._note_damage()
            return
        for picture in pictures:
            if self._time_s is None and picture.is_corrupt and not picture.key_frame:
                continue  # Joined in the middle: nothing to see before a key frame.
            self._show(picture)

    def _show(self, picture: VideoFrame) -> None:
        at, wall = time.monotonic(), time.time()
        self._limits.check_size(picture.width, picture.height)
        self._tell_facts(picture)
        raw_s = _seconds_of(picture)
        came_at = at
        if self._time_s is None:
            came_at = self._begin(raw_s, at)
        given = self._clock.push(raw_s, came_at)
        self._rate.push(given.time_s)
        chosen = self._chooser.push(given.time_s, usual_s=self._clock.gap_s)
        if given.jumped_from_s is not None:
            self._gap(given.jumped_from_s, given.time_s, "clock jumped")
        elif chosen.gap_from_s is not None:
            self._gap(chosen.gap_from_s, given.time_s, "no pictures")
        self._tell_damage(picture, given.time_s)
        if self.recorder is not None:
            self._tell_offset(raw_s)
            self.recorder.frame(picture, given.time_s)
        sent = self._wall.push(given.time_s, wall - (at - came_at))
        for step_s in chosen.again:
            self._send(self._before or picture, step_s, sent, at)
        for step_s in chosen.now:
            self._send(picture, step_s, sent, at)
        self._before, self._time_s = picture, given.time_s

    def _begin(self, raw_s: float | None, at: float) -> float:
        """Return when the first picture came: it has waited while others were read."""
        since_s = max(0.0, (raw_s or 0.0) - (self._first_s or 0.0))
        at = min(at, self.began_at + since_s)
        last_s, last_at = self._request["last_s"], self._request["last_at"]
        begin_s = 0.0 if last_s is None else last_s + max(0.04, at - last_at)
        self._clock = LiveClock(
            begin_s=begin_s,
            is_bursty=self._request["is_bursty"],
            is_paced=self._request["is_paced"],
        )
        if last_s is not None:
            self._gap(last_s, begin_s, "reconnected")
        return at

    def _tell_facts(self, picture: VideoFrame) -> None:
        size = picture.width, picture.height
        if size == self._size:
            return
        if self._time_s is not None:
            self._gap(self._time_s, self._time_s, "size changed")
        self._size = size
        rate = self._video.average_rate or self._video.guessed_rate
        sound = self._sound
        self._channel.send(
            kind="facts",
            width=size[0],
            height=size[1],
            fps=float(rate or 0),
            codec=self._video.codec_context.codec.canonical_name,
            format=self._container.format.name,
            sound=sound.codec_context.codec.canonical_name if sound else None,
            is_copied=can_copy(self._video),
        )

    def _tell_offset(self, raw_s: float | None) -> None:
        if self.recorder is not None and self._clock.is_sure:
            self.recorder.offset(self._clock.offset_s, raw_s)

    def _note_damage(self) -> None:
        if self._damaged_from_s is None and self._time_s is not None:
            self._damaged_from_s = self._time_s

    def _tell_damage(self, picture: VideoFrame, time_s: float) -> None:
        from_s = self._damaged_from_s
        if from_s is None:
            return
        if picture.key_frame or time_s - from_s > _LONGEST_DAMAGE_S:
            self._gap(from_s, time_s, "lost packets")
            self._damaged_from_s = None

    def _gap(self, from_s: float, to_s: float, reason: str) -> None:
        self._channel.send(kind="gap", from_s=from_s, to_s=to_s, reason=reason)

    def _send(self, picture: VideoFrame, step_s: float, wall: float, at: float) -> None:
        if not self._free.acquire(blocking=self._request["is_paced"]):
            if self._slow_from_s is None:
                self._slow_from_s = step_s
            return
        if self._slow_from_s is not None:
            self._gap(self._slow_from_s, step_s, "too slow")
            self._slow_from_s = None
        self._converter.convert(picture, out=self._ring.slot(self._steps))
        self._steps += 1
        self._channel.send(kind="step", media_s=step_s, wall=wall, at=at)


def _seconds_of(picture: VideoFrame) -> float | None:
    if picture.pts is None or picture.time_base is None:
        return None
    return float(picture.pts * picture.time_base)
