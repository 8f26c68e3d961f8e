"""Pictures of a proxy: upright, square pixels, 8 bits, small enough for any browser."""

from fractions import Fraction
from typing import Any

import numpy as np
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import (
    ColorRange,
    Colorspace,
    Interpolation,
    VideoReformatter,
)
from av.video.stream import VideoStream

from model.video.picture import UPRIGHT, Orientation, orientation_of

MAX_SIDE = 1280
FORMAT = "yuv420p"
_MAX_ASPECT = 8
_SMALL_SCREEN = (Colorspace.ITU624, Colorspace.SMPTE170M)
_BLACK = (16, 128, 128)


class ProxyPicture:
    """Turns the frames of one video into those that are encoded, all of one size.

    Colours keep their primaries and transfer: those of HDR are told in the file, and
    the browser maps them to its screen. Interlaced pictures stay as they are.

    Attributes:
        width: of the upright picture, in pixels; even.
        height: of the upright picture, in pixels; even.
    """

    def __init__(
        self,
        first: VideoFrame,
        stream: VideoStream,
        *,
        max_side: int = MAX_SIDE,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Choose the size by the first frame; never more than the source has.

        Args:
            first: the first frame.
            stream: that it is of.
            max_side: the most pixels of a side.
            size: width and height in place of that, even; pictures are scaled into it
                with black bars, and their colours are those of BT.709.
        """
        self._angle: int | None = None
        self._orientation = UPRIGHT
        self._scaler = VideoReformatter()
        aspect = stream.sample_aspect_ratio
        if not aspect or not 1 <= aspect * _MAX_ASPECT <= _MAX_ASPECT**2:
            aspect = Fraction(1)
        width, height = Fraction(first.width) * aspect, Fraction(first.height)
        if self._orientation_of(first)[0] % 2:
            width, height = height, width
        scale = min(Fraction(1), max_side / width, max_side / height)
        if size is not None:
            scale = min(size[0] / width, size[1] / height)
        self._inner = _even(width * scale), _even(height * scale)
        self.width, self.height = size or self._inner
        self._has_bars = size is not None
        self._interpolation = Interpolation.BICUBIC if scale > 1 else Interpolation.AREA

    def convert(self, picture: VideoFrame) -> VideoFrame:
        """Return a frame of the proxy's size and format, without a time yet."""
        quarters, mirrored = self._orientation_of(picture)
        width, height = self._inner
        if quarters % 2:
            width, height = height, width
        is_709 = picture.format.is_rgb or (
            self._has_bars and picture.colorspace in _SMALL_SCREEN
        )
        scaled = self._scaler.reformat(
            picture,
            width=width,
            height=height,
            format=FORMAT,
            interpolation=self._interpolation,
            dst_colorspace=Colorspace.ITU709 if is_709 else None,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        if quarters or mirrored:
            scaled = _turned(scaled, quarters, mirrored=mirrored)
        if self._inner != (self.width, self.height):
            scaled = _with_bars(scaled, self.width, self.height)
        # Else the encoder would take the source's choice of key frames.
        scaled.pict_type = PictureType.NONE
        return scaled

    def _orientation_of(self, picture: VideoFrame) -> Orientation:
        # See `FrameConverter`: side data are read only where the angle changes.
        if picture.rotation != self._angle:
            self._angle, self._orientation = picture.rotation, orientation_of(picture)
        return self._orientation


def _turned(picture: VideoFrame, quarters: int, *, mirrored: bool) -> VideoFrame:
    width, height = picture.width, picture.height
    if quarters % 2:
        width, height = height, width
    turned = VideoFrame(width, height, FORMAT)
    turned.colorspace, turned.color_range = picture.colorspace, picture.color_range
    for source, target in zip(picture.planes, turned.planes, strict=True):
        values = _view(source)
        if mirrored:
            values = values[:, ::-1]
        np.copyto(_view(target), np.rot90(values, quarters))
    return turned


def _with_bars(picture: VideoFrame, width: int, height: int) -> VideoFrame:
    whole = VideoFrame(width, height, FORMAT)
    whole.colorspace, whole.color_range = picture.colorspace, picture.color_range
    for source, target, black in zip(picture.planes, whole.planes, _BLACK, strict=True):
        values, room = _view(source), _view(target)
        room[...] = black
        top = (room.shape[0] - values.shape[0]) // 2
        left = (room.shape[1] - values.shape[1]) // 2
        room[top : top + values.shape[0], left : left + values.shape[1]] = values
    return whole


def _view(plane: Any) -> Any:
    """Look at a plane's own memory as (H, W); valid while its frame lives."""
    return np.ndarray(
        (plane.height, plane.width), np.uint8, plane, strides=(plane.line_size, 1)
    )


def _even(side: Fraction) -> int:
    return max(2, 2 * round(side / 2))
