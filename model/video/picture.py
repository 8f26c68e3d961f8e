"""From a decoded frame to the pixels of a spec: upright, scaled, cropped, RGB."""

import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, cast

import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import Type as KnownSideData
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from model.video.frame_spec import FrameSpec

Image = NDArray[np.uint8]

Orientation = tuple[int, bool]
"""Quarter turns counter-clockwise, after mirroring left to right if True."""

UPRIGHT: Orientation = (0, False)

_MAX_SIDE_DATA = 128
"""FFmpeg numbers its kinds of side data from 0; it has a few dozen."""

_QUICK = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "nv12")


class FrameConverter:
    """Turns frames into images of one spec; keeps its scaler between frames.

    FFmpeg scales to RGB24 without vector instructions. So a picture is scaled as 4:2:2
    and the small one turned into RGB, or by way of RGBA where that cannot be done: half
    the time or less, and as near to the mean of the area (docs/performance.md).
    """

    def __init__(self, spec: FrameSpec) -> None:
        self.spec = spec
        self._scaler = VideoReformatter()
        self._packer = VideoReformatter()
        self._angle: int | None = None
        self._orientation = UPRIGHT

    def convert(self, picture: VideoFrame, *, out: Image | None = None) -> Image:
        """Return (H, W, 3) uint8 RGB, C-contiguous, in full range.

        H and W are the spec's `out_height` and `out_width`. Bit depth, range,
        colour matrix and size are taken from each frame, so a stream that changes
        half-way stays right. With `out`, the image is written there.
        """
        quarters, mirrored = self._orientation_of(picture)
        width, height = self.spec.width, self.spec.height
        if quarters % 2:
            width, height = height, width
        # What stays YUV keeps its range, too; FFmpeg turns even heights quickly.
        is_quick = picture.format.name in _QUICK and height % 2 == 0
        scaled = self._scaler.reformat(
            picture,
            width=width,
            height=height,
            format="yuv422p" if is_quick else "rgba",
            interpolation=Interpolation.AREA,
            dst_color_range=None if is_quick else ColorRange.JPEG,
            threads=1,
        )
        packed = self._packer.reformat(
            scaled, format="rgb24", dst_color_range=ColorRange.JPEG, threads=1
        )
        image = _view(packed)
        if mirrored:
            image = image[:, ::-1]
        if quarters:
            image = np.rot90(image, quarters)
        if self.spec.crop is not None:
            left, top, crop_width, crop_height = self.spec.crop
            image = image[top : top + crop_height, left : left + crop_width]
        if out is None:
            out = np.empty(image.shape, np.uint8)
        np.copyto(out, image)
        return out

    def _orientation_of(self, picture: VideoFrame) -> Orientation:
        # In PyAV a frame and its side data refer to each other: once they were read,
        # only the garbage collector frees the frame's memory. So they are read only
        # where the angle changes.
        if picture.rotation != self._angle:
            self._angle, self._orientation = picture.rotation, orientation_of(picture)
        return self._orientation


def orientation_of(picture: VideoFrame) -> Orientation:
    """Read from a frame's display matrix how it must be turned to stand upright.

    Angles that are no quarter turn are taken as the nearest one.
    """
    data: Any = _side_data_of(picture).get("DISPLAYMATRIX")
    if data is None:
        return UPRIGHT
    # A point (x, y), y downwards, is shown at (a x + c y, b x + d y).
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data)[:36])
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    if abs(a) >= abs(b):
        return (0 if a >= 0 else 2), mirrored
    return (3 if b > 0 else 1), mirrored


def _side_data_of(picture: VideoFrame) -> Mapping[Any, Any]:
    try:
        return picture.side_data
    except ValueError:
        # PyAV 18.1 raises if there is any kind that it does not know (stereo views of
        # phones, EXIF): a filter graph removes those from a copy.
        return _without_unknown_side_data(picture).side_data


def _without_unknown_side_data(picture: VideoFrame) -> VideoFrame:
    graph = Graph()
    last = graph.add_buffer(
        width=picture.width,
        height=picture.height,
        format=picture.format,
        time_base=Fraction(1, 1000),
    )
    known = {kind.value for kind in KnownSideData}
    for kind in set(range(_MAX_SIDE_DATA)) - known:
        remover = graph.add("sidedata", f"mode=delete:type={kind}")
        last.link_to(remover)
        last = remover
    last.link_to(graph.add("buffersink"))
    graph.configure()
    graph.push(picture)
    return cast("VideoFrame", graph.pull())


def _view(scaled: VideoFrame) -> Image:
    """Look at a frame's own memory as (H, W, 3); valid while the frame lives."""
    plane = scaled.planes[0]
    buffer: Any = plane
    return np.ndarray(
        (scaled.height, scaled.width, 3),
        np.uint8,
        buffer,
        strides=(plane.line_size, 3, 1),
    )
