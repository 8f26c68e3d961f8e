"""A sprite sheet of stills, and the WebVTT that tells players where each one is."""

from collections.abc import Sequence

import numpy as np

from model.video.picture import Image

COLUMNS = 10


def make_sheet(tiles: Sequence[Image], *, columns: int = COLUMNS) -> Image:
    """Put tiles of one size side by side, row by row; what stays empty is black.

    Raises:
        ValueError: there are no tiles.
    """
    if not tiles:
        raise ValueError("a sheet needs at least one tile")
    height, width = tiles[0].shape[:2]
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for number, tile in enumerate(tiles):
        left, top = _corner(number, width, height, columns)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def make_cues(
    times_s: Sequence[float],
    *,
    duration_s: float,
    width: int,
    height: int,
    image: str,
    columns: int = COLUMNS,
) -> str:
    """Write WebVTT with one cue a tile, from its time to that of the next.

    Args:
        times_s: of the tiles, each later than the one before; the first cue starts
            at 0 all the same, the last ends with the video.
        duration_s: of the video.
        width: of a tile, in pixels.
        height: of a tile, in pixels.
        image: address of the sheet, as seen from the file's own.
        columns: of the sheet.
    """
    columns = min(columns, len(times_s))
    starts = [0.0, *times_s[1:]]
    ends = [*times_s[1:], max(duration_s, starts[-1] + 0.001)]
    blocks = ["WEBVTT\n"]
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        left, top = _corner(number, width, height, columns)
        place = f"{image}#xywh={left},{top},{width},{height}"
        blocks.append(f"{_clock(start)} --> {_clock(end)}\n{place}\n")
    return "\n".join(blocks)


def _corner(number: int, width: int, height: int, columns: int) -> tuple[int, int]:
    row, column = divmod(number, columns)
    return column * width, row * height


def _clock(time_s: float) -> str:
    seconds, ms = divmod(round(time_s * 1000), 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{ms:03}"
