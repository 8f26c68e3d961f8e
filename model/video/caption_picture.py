"""Writes captions over pictures, bottom left, white on a dark box.

Letters are DejaVu's (Latin, Greek, Cyrillic, Arabic, Hebrew and more); what it lacks
is shown as an empty box.
"""

from functools import lru_cache
from importlib import resources
from io import BytesIO
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features

FONT = "DejaVuSans.ttf"
MAX_LETTERS = 120
"""Of a line; a longer one is cut, and one that is too wide is written smaller."""

_OF_HEIGHT = 26  # a line is so many times in the picture's height
_SMALLEST = 8
_SMALLEST_SIDE = 48  # of a picture that can be written on
_WHITE, _BOX = 235, 16
_BOX_OPACITY = 0.6

# Raqm joins Arabic letters and orders what is read from the right; Pillow's wheels
# for Linux have it.
_LAYOUT = ImageFont.Layout.RAQM if features.check("raqm") else ImageFont.Layout.BASIC
_JOINED = "A شش"

Values = NDArray[np.float32]


class CaptionPainter:
    """Paints lines of text; what was painted last is kept."""

    def __init__(self) -> None:
        font = resources.files("model.video") / "fonts" / FONT
        self._font = font.read_bytes()
        self._fonts: dict[int, ImageFont.FreeTypeFont] = {}
        self._drawn = lru_cache(maxsize=8)(self._draw)
        # Pillow imports what it needs when it needs it, and Raqm loads libraries.
        self._draw(640, 360, (_JOINED,))

    def paint(self, picture: VideoFrame, lines: tuple[str, ...]) -> None:
        """Write lines over a picture in `yuv420p`, in place."""
        lines = tuple(filter(None, map(_printable, lines)))
        if not lines or min(picture.width, picture.height) < _SMALLEST_SIDE:
            return
        picture.make_writable()
        luma, opacity = self._drawn(picture.width, picture.height, lines)
        margin = _margin(picture.height)
        for index, plane in enumerate(picture.planes):
            over, share, at = luma, opacity, margin
            if index:  # half as many of each colour, which the box takes away
                share = opacity[::2, ::2]
                over, at = np.full_like(share, 128), margin // 2
            whole = _view(plane)
            bottom = whole.shape[0] - at
            part = whole[bottom - share.shape[0] : bottom, at : at + share.shape[1]]
            part[...] = np.rint(part + share * (over - part))

    def _draw(
        self, width: int, height: int, lines: tuple[str, ...]
    ) -> tuple[Values, Values]:
        """Draw a box of text: its luma, and how much of what is below it hides."""
        margin = _margin(height)
        room = width - 4 * margin
        size = max(_SMALLEST, height // _OF_HEIGHT)
        fonts = [self._fitting(line, size, room) for line in lines]
        step = round(size * 1.3)
        text_width = max(
            font.getlength(line) for font, line in zip(fonts, lines, strict=True)
        )
        box_width = _even(min(width - 2 * margin, text_width + 2 * margin))
        box_height = _even(min(height - 2 * margin, step * len(lines) + margin))
        image = Image.new("L", (box_width, box_height), 0)
        draw = ImageDraw.Draw(image)
        for row, (font, line) in enumerate(zip(fonts, lines, strict=True)):
            middle = margin // 2 + row * step + step / 2
            draw.text((margin, middle), line, fill=255, font=font, anchor="lm")
        ink = np.asarray(image, np.float32) / 255
        opacity: Values = (_BOX_OPACITY + (1 - _BOX_OPACITY) * ink).astype(np.float32)
        luma: Values = (_BOX + (_WHITE - _BOX) * ink).astype(np.float32)
        return luma, opacity

    def _fitting(self, line: str, size: int, room: int) -> ImageFont.FreeTypeFont:
        font = self._sized(size)
        while size > _SMALLEST and font.getlength(line) > room:
            size = max(_SMALLEST, size - 2)
            font = self._sized(size)
        return font

    def _sized(self, size: int) -> ImageFont.FreeTypeFont:
        if size not in self._fonts:
            self._fonts[size] = ImageFont.truetype(
                BytesIO(self._font), size, layout_engine=_LAYOUT
            )
        return self._fonts[size]


def _printable(line: str) -> str:
    kept = "".join(letter if letter.isprintable() else " " for letter in line)
    kept = " ".join(kept.split())
    return kept if len(kept) <= MAX_LETTERS else kept[: MAX_LETTERS - 1] + "…"


def _margin(height: int) -> int:
    return _even(max(4, height / 40))


def _even(side: float) -> int:
    return max(2, 2 * round(side / 2))


def _view(plane: Any) -> Any:
    return np.ndarray(
        (plane.height, plane.width), np.uint8, plane, strides=(plane.line_size, 1)
    )
