"""Draws rallies as video, each match in a hall, light and kits of its own."""

import json
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.teaching.rallies import (
    HALF_M,
    NET_M,
    PLAYERS,
    Play,
    make_play,
    walks,
)

FPS = 20
WIDTH, HEIGHT = 384, 216
MARGIN = 24  # of the hall's picture, for the camera to sway in
WALK_M_S = 5.0

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Look:
    """How a match looks.

    Attributes:
        hall: (H + 2 * MARGIN, W + 2 * MARGIN, 3), all that does not move.
        kits: of both sides.
        ball: its colour.
        scale: pixels a metre.
        ground: the row of the court's middle line.
        sway: of the camera: pixels, and seconds of a period.
        noise: of the pixels, as a deviation.
    """

    hall: Image.Image
    kits: tuple[Colour, Colour]
    ball: Colour
    scale: float
    ground: float
    sway: tuple[float, float]
    noise: float

    def at(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Say where a point of the court is in the hall's picture."""
        near = 1 + 0.015 * y
        column = MARGIN + WIDTH / 2 + x * self.scale * near
        return column, MARGIN + self.ground + y * self.scale * 0.35 - z * self.scale


def draw_matches(folder: Path, count: int, *, minutes: float, first_seed: int) -> None:
    """Draw matches with their labels, `court_00/video.mp4` and so on; keep what is."""
    for number in range(count):
        match = folder / f"court_{number:02d}"
        labels = match / "Labels-ball.json"
        if labels.exists():
            continue
        match.mkdir(parents=True, exist_ok=True)
        play = make_play(minutes * 60, seed=first_seed + number)
        _encode(match / "video.mp4", play, minutes * 60, seed=first_seed + number)
        labels.write_text(_labels_text(match.name, play), encoding="utf-8")


def _labels_text(name: str, play: Play) -> str:
    rows = [
        {
            "gameTime": f"1 - {int(time_s // 60):02d}:{int(time_s % 60):02d}",
            "label": label,
            "position": str(int(np.ceil(round(time_s * FPS) * 1000 / FPS))),
            "team": "not applicable",
            "visibility": "visible",
        }
        for label, time_s in play.events
    ]
    return json.dumps({"UrlLocal": name, "annotations": rows}, indent=0) + "\n"


def _encode(path: Path, play: Play, duration_s: float, *, seed: int) -> None:
    rng = np.random.default_rng([18, seed])
    look = _make_look(rng)
    paths = walks(play.places)
    with av.open(path, "w") as output:
        stream: Any = output.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "24"}
        stream.gop_size = 2 * FPS
        where = {player: places[0] for player, (_, places) in paths.items()}
        for number in range(round(duration_s * FPS)):
            time_s = number / FPS
            _walk(where, paths, time_s)
            picture = _picture(look, play, where, time_s, rng)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        output.mux(stream.encode(None))


def _walk(
    where: dict[int, tuple[float, float]],
    paths: dict[int, tuple[list[float], list[tuple[float, float]]]],
    time_s: float,
) -> None:
    """Let each player go towards where they are to be."""
    for player, (times, places) in paths.items():
        to_x, to_y = places[max(bisect_right(times, time_s) - 1, 0)]
        x, y = where[player]
        way = np.hypot(to_x - x, to_y - y)
        share = min(1.0, WALK_M_S / FPS / max(way, 1e-6))
        where[player] = x + share * (to_x - x), y + share * (to_y - y)


def _make_look(rng: np.random.Generator) -> _Look:
    floor, wall = rng.integers(60, 190, (2, 3)), rng.integers(20, 140, 3)
    size = (WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN)
    hall = Image.new("RGB", size, _colour(wall))
    look = _Look(
        hall=hall,
        kits=(_colour(rng.integers(0, 255, 3)), _colour(rng.integers(0, 255, 3))),
        ball=_colour(np.array([255, 255, 255]) - rng.integers(0, 70, 3)),
        scale=float(rng.uniform(11.8, 13.4)),
        ground=float(rng.uniform(142, 156)),
        sway=(float(rng.uniform(0, 6)), float(rng.uniform(5, 20))),
        noise=float(rng.uniform(2, 7)),
    )
    draw = ImageDraw.Draw(hall)
    for column in range(0, size[0], 9):  # people who watch
        for row in range(int(MARGIN + look.ground - 95), int(look.ground - 25), 8):
            shade = _colour(wall + rng.integers(-18, 50, 3))
            draw.rectangle((column, row, column + 6, row + 5), fill=shade)
    top = look.at(0, -3.6, 0)[1]
    draw.rectangle((0, top, *size), fill=_colour(floor[0]))
    corners = [(-HALF_M, -3), (HALF_M, -3), (HALF_M, 3), (-HALF_M, 3)]
    line = (235, 235, 235)
    draw.polygon([look.at(x, y, 0) for x, y in corners], _colour(floor[1]), line)
    for x in (-3, 0, 3):
        draw.line((look.at(x, -3, 0), look.at(x, 3, 0)), fill=line)
    for y in (-3, 3):
        draw.line((look.at(0, y, 0), look.at(0, y, NET_M)), fill=line, width=2)
    for z in (NET_M, NET_M - 0.5, NET_M - 1):
        draw.line((look.at(0, -3, z), look.at(0, 3, z)), fill=line)
    return look


def _colour(values: NDArray[np.int64]) -> Colour:
    red, green, blue = (int(one) for one in np.clip(values, 0, 255))
    return red, green, blue


def _picture(
    look: _Look,
    play: Play,
    where: dict[int, tuple[float, float]],
    time_s: float,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Draw a frame: (HEIGHT, WIDTH, 3) uint8."""
    canvas = look.hall.copy()
    draw = ImageDraw.Draw(canvas)
    flight = play.ball_at(time_s)
    since_s = time_s - flight.start_s
    for player, (x, y) in sorted(where.items(), key=lambda one: one[1][1]):
        is_touching = player == flight.player and since_s < 0.25
        _draw_player(
            draw, look, player, (x, y), reach=flight.start[2], is_touching=is_touching
        )
    x, y, z = flight.at(time_s)
    column, row = look.at(x, y, z)
    shade = look.at(x, y, 0)
    draw.ellipse((shade[0] - 4, shade[1] - 1, shade[0] + 4, shade[1] + 1), (40, 40, 40))
    draw.ellipse(
        (column - 3.5, row - 3.5, column + 3.5, row + 3.5), look.ball, (30, 30, 30)
    )
    reach, period_s = look.sway
    left = MARGIN + reach * np.sin(2 * np.pi * time_s / period_s)
    top = MARGIN + 0.4 * reach * np.cos(2 * np.pi * time_s / period_s / 1.7)
    box = (round(left), round(top), round(left) + WIDTH, round(top) + HEIGHT)
    pixels = np.asarray(canvas.crop(box), dtype=np.float32)
    noise = rng.standard_normal((HEIGHT, WIDTH, 1), dtype=np.float32) * look.noise
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def _draw_player(
    draw: ImageDraw.ImageDraw,
    look: _Look,
    player: int,
    at: tuple[float, float],
    *,
    reach: float,
    is_touching: bool,
) -> None:
    """Draw a player, who jumps and lifts the arms to touch a high ball."""
    x, y = at
    up = max(0.0, reach - 2.3) if is_touching else 0.0
    kit = look.kits[player // PLAYERS]
    dark = (kit[0] // 2, kit[1] // 2, kit[2] // 2)
    left, foot = look.at(x - 0.25, y, up)
    right, hip = look.at(x + 0.25, y, up + 0.85)
    _, shoulder = look.at(x, y, up + 1.5)
    middle, head = look.at(x, y, up + 1.7)
    draw.rectangle((left + 1, hip, right - 1, foot), fill=dark)
    draw.rectangle((left, shoulder, right, hip), fill=kit)
    draw.ellipse((middle - 2.5, head - 3, middle + 2.5, head + 2), fill=(205, 165, 135))
    if is_touching:
        hands = look.at(x, y, min(max(reach, 0.8), up + 2.3))
        for side in (left, right):
            draw.line(((side, shoulder + 1), hands), fill=(205, 165, 135), width=2)
