"""Which formats and codecs are accepted, and how large, long and fast they may be."""

from dataclasses import dataclass

from model.errors import VideoLimitExceeded

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,avi"
"""FFmpeg's demuxers that may open an upload; playlists and scripts are not in it."""

PROTOCOLS = "fd"
"""Descriptors that are open already; no file or address can be named."""

CODECS = (
    "h264,hevc,libdav1d,av1,vp8,vp9,libvpx,libvpx-vp9,mpeg4,mpeg2video,mpeg1video,"
    "mjpeg,prores,dnxhd,h263,msmpeg4,wmv2,vc1"
)
"""FFmpeg's decoders that may run, of the 557 that PyAV carries."""

FRAME_SLACK = 1.1
"""Frames accepted beyond time x frame rate, for rounding and field pairs."""

DECODER_SLACK = 4
"""The decoder itself stops at this many times `max_pixels`: it counts padding, too,
so a picture that is just too large is refused by `check_size`, with its size."""


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Bounds of one video; checked at probe and again while decoding.

    Attributes:
        max_duration_s: from the first frame to the last, in seconds.
        max_pixels: width x height of a decoded frame.
        max_fps: average frames a second.
        max_streams: of all kinds in the file.
    """

    max_duration_s: float = 4 * 3600.0
    max_pixels: int = 4096 * 2304
    max_fps: float = 240.0
    max_streams: int = 32

    def __post_init__(self) -> None:
        for name in ("max_duration_s", "max_pixels", "max_fps", "max_streams"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be > 0, got {getattr(self, name)}")

    def check_duration(self, duration_s: float) -> None:
        """Raise VideoLimitExceeded if the video is too long."""
        if duration_s > self.max_duration_s:
            raise VideoLimitExceeded(
                f"The video lasts {duration_s:.0f} s; at most "
                f"{self.max_duration_s:.0f} s are allowed. Cut it into parts."
            )

    def check_size(self, width: int, height: int) -> None:
        """Raise VideoLimitExceeded if a frame has too many pixels."""
        if width * height > self.max_pixels:
            raise VideoLimitExceeded(
                f"The video is {width}x{height}; at most {self.max_pixels} pixels a "
                "frame are allowed. Scale it down, for example to 1920x1080."
            )

    def check_fps(self, fps: float) -> None:
        """Raise VideoLimitExceeded if frames come too fast."""
        if fps > self.max_fps:
            raise VideoLimitExceeded(
                f"The video has {fps:.0f} frames/s; at most {self.max_fps:.0f} are "
                "allowed. Convert it to a lower rate."
            )

    def check_streams(self, count: int) -> None:
        """Raise VideoLimitExceeded if the file holds too many streams."""
        if count > self.max_streams:
            raise VideoLimitExceeded(
                f"The file holds {count} streams; at most {self.max_streams} are "
                "allowed. Keep the video stream and upload that."
            )

    def check_frames(self, count: int, *, within_s: float) -> None:
        """Raise VideoLimitExceeded if more frames came than so much time can hold."""
        if count > (within_s + 1) * self.max_fps * FRAME_SLACK:
            raise VideoLimitExceeded(
                f"The video holds {count} frames in its first {within_s:.0f} s; at "
                f"most {self.max_fps:.0f} frames/s are allowed. Convert it to a lower "
                "rate."
            )


DEFAULT_LIMITS = MediaLimits()
