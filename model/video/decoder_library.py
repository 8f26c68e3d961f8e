"""Which PyAV and FFmpeg are installed, and what they can decode and encode."""

from typing import NamedTuple

import av

CODECS = ("h264", "hevc", "libx264")  # that match video comes in, and clips go out in


class DecoderLibrary(NamedTuple):
    """The installed library.

    Attributes:
        pyav, ffmpeg: versions.
        missing: codecs of `CODECS` that it lacks.
    """

    pyav: str
    ffmpeg: str
    missing: tuple[str, ...]


def decoder_library() -> DecoderLibrary:
    """Look at the installed library; decodes nothing."""
    missing = tuple(name for name in CODECS if name not in av.codecs_available)
    return DecoderLibrary(av.__version__, av.ffmpeg_version_info, missing)
