"""Decoding by a graphics card's own decoder, where the build and the machine have it.

Frames come back to memory as NV12: whatever decodes, the same code scales them. What
the card cannot decode is decoded in software.
"""

from functools import cache
from typing import Literal

import av.error
from av.codec.codec import Codec
from av.codec.hwaccel import HWAccel, hwdevices_available

Hardware = Literal["off", "auto", "cuda", "vaapi", "qsv", "videotoolbox"]

# What `auto` tries, in this order.
_PREFERRED = ("cuda", "vaapi", "videotoolbox", "qsv")


def find_device(wanted: str) -> str | None:
    """Open the driver of the device that is wanted, or of the first there is.

    To be called before anything is given up: a driver opens files of its own.

    Args:
        wanted: one of `Hardware`.

    Returns:
        Its name; None where decoding stays in software.
    """
    if wanted == "off":
        return None
    for device in _PREFERRED if wanted == "auto" else (wanted,):
        if is_usable(device):
            return device
    return None


@cache
def is_usable(device: str) -> bool:
    """Say whether the build knows a device and its driver answers, for H.264."""
    if device not in hwdevices_available():
        return False
    try:
        HWAccel(device).create(Codec("h264", "r"))
    except (av.error.FFmpegError, NotImplementedError, RuntimeError, ValueError):
        return False
    return True


def acceleration(device: str | None) -> HWAccel | None:
    """Give what a container is opened with; the codec may still want software."""
    if device is None:
        return None
    return HWAccel(device, allow_software_fallback=True)


def refused(wanted: str) -> str:
    """Say that a device was asked for that cannot be had."""
    built = ", ".join(hwdevices_available()) or "none"
    return (
        f"Hardware decoding by {wanted} was asked for and cannot be had on this "
        f"machine (FFmpeg is built with: {built}): the video was decoded in software, "
        "which gives the same frames more slowly."
    )
