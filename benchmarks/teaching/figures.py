"""Charts as SVG: a line for the mean over seeds, a band from the least to the most."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT = 520, 320
LEFT, TOP, RIGHT, BOTTOM = 52, 34, 150, 44
COLOURS = ("#0b6e4f", "#c8553d", "#2d5da1", "#8a5a9e", "#b58900", "#5c6b73")


@dataclass(frozen=True, slots=True)
class Point:
    """A figure at some minutes: its mean over seeds, the least and the most."""

    x: float
    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, x: float, values: Sequence[float]) -> "Point":
        """Make the point of what each seed gave."""
        return cls(x, sum(values) / len(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart.

    Attributes:
        title: stands above it.
        x_label: below the horizontal axis, which is logarithmic.
        y_label: beside the vertical axis, from 0 to `y_most`.
        ticks: values of the horizontal axis that are written down.
    """

    title: str
    x_label: str
    y_label: str
    ticks: Sequence[float]
    y_most: float = 1.0

    def draw(self, lines: Mapping[str, Sequence[Point]]) -> str:
        """Draw lines, the first ones in the strongest colours."""
        parts = [self._axes()]
        for index, (name, points) in enumerate(lines.items()):
            parts += self._line(index, name, sorted(points, key=lambda one: one.x))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
            'font-size="11" fill="#22303a">'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
            f"{''.join(parts)}</svg>\n"
        )

    def write(self, path: Path, lines: Mapping[str, Sequence[Point]]) -> None:
        """Draw lines into a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.draw(lines), encoding="utf-8")

    def _line(self, index: int, name: str, points: Sequence[Point]) -> list[str]:
        colour = COLOURS[index % len(COLOURS)]
        edge = [(one.x, one.high) for one in points]
        edge += [(one.x, one.low) for one in reversed(points)]
        middle = [(one.x, one.mean) for one in points]
        row = TOP + 14 + 18 * index
        dots = "".join(
            f'<circle cx="{self._x(x):.1f}" cy="{self._y(y):.1f}" r="3" '
            f'fill="{colour}"><title>{x:g}: {y:.3f}</title></circle>'
            for x, y in middle
        )
        return [
            f'<polygon points="{self._path(edge)}" fill="{colour}" opacity="0.15"/>',
            f'<polyline points="{self._path(middle)}" fill="none" stroke="{colour}" '
            'stroke-width="2"/>',
            dots,
            f'<rect x="{WIDTH - RIGHT + 12}" y="{row - 9}" width="10" height="10" '
            f'fill="{colour}"/>',
            _text(WIDTH - RIGHT + 27, row, name, anchor="start"),
        ]

    def _axes(self) -> str:
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        parts = [_text(LEFT, 18, self.title, anchor="start", weight="bold")]
        for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
            value = share * self.y_most
            y = self._y(value)
            parts.append(
                f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#dde3e6" fill="none"/>'
            )
            parts.append(_text(LEFT - 6, y + 4, f"{value:g}", anchor="end"))
        for tick in self.ticks:
            x = self._x(tick)
            parts.append(
                f'<path d="M{x:.1f} {bottom}v4" stroke="#5c6b73" fill="none"/>'
            )
            parts.append(_text(x, bottom + 16, f"{tick:g}", anchor="middle"))
        middle = (LEFT + right) / 2
        parts.append(_text(middle, HEIGHT - 8, self.x_label, anchor="middle"))
        turned = f'transform="rotate(-90 14 {(TOP + bottom) / 2})"'
        parts.append(
            _text(14, (TOP + bottom) / 2, self.y_label, anchor="middle", more=turned)
        )
        parts.append(
            f'<path d="M{LEFT} {TOP}V{bottom}H{right}" fill="none" stroke="#5c6b73"/>'
        )
        return "".join(parts)

    def _path(self, points: Sequence[tuple[float, float]]) -> str:
        return " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)

    def _x(self, value: float) -> float:
        low, high = math.log(min(self.ticks)), math.log(max(self.ticks))
        share = (math.log(value) - low) / (high - low)
        return LEFT + 8 + share * (WIDTH - LEFT - RIGHT - 16)

    def _y(self, value: float) -> float:
        return HEIGHT - BOTTOM - value / self.y_most * (HEIGHT - TOP - BOTTOM)


def _text(
    x: float, y: float, text: str, *, anchor: str, weight: str = "", more: str = ""
) -> str:
    weight = f' font-weight="{weight}"' if weight else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight} {more}>'
        f"{html.escape(text)}</text>"
    )
