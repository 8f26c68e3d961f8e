"""Which files browsers play as they are; the others get a proxy. The one list of it."""

from collections.abc import Mapping
from pathlib import PurePosixPath

MP4, WEBM = "video/mp4", "video/webm"

_EIGHT_BIT = ("yuv420p", "yuvj420p")
_TEN_BIT = (*_EIGHT_BIT, "yuv420p10le")
_PIXELS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    # 10-bit, 4:2:2 and 4:4:4 H.264 are played by few, HEVC by those with the hardware.
    MP4: {"h264": _EIGHT_BIT, "av1": _TEN_BIT, "vp9": _TEN_BIT},
    WEBM: {"vp8": _EIGHT_BIT, "vp9": _TEN_BIT, "av1": _TEN_BIT},
}


def browser_type(facts: Mapping[str, object], *, filename: str | None) -> str | None:
    """Return the media type as which the browsers of today play a file; None: not.

    Args:
        facts: the values of a `model.video.probe.VideoFacts`, by name.
        filename: the uploader's. FFmpeg does not tell WebM from other Matroska, whose
            sound browsers may not know, but the name does.
    """
    container = str(facts.get("container")).split(",")
    suffix = PurePosixPath(filename or "").suffix.lower()
    if "mp4" in container:
        media_type = MP4
    elif "webm" in container and suffix == ".webm":
        media_type = WEBM
    else:
        return None
    pixels = _PIXELS[media_type].get(str(facts.get("codec")), ())
    return media_type if facts.get("pixel_format") in pixels else None
