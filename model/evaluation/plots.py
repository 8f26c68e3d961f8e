"""Small plots as inline SVG, without a plotting library."""

import html
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 420, 280
LEFT, TOP, RIGHT, BOTTOM = 46, 12, 12, 34
COLOURS = ("#0b6e4f", "#c8553d", "#2d5da1", "#8a5a9e", "#b58900", "#5c6b73")
HISTOGRAM_BINS = 20


def curves(lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Draw lines through points (x, y) in the unit square."""
    parts = [_axes(x_range=(0, 1), y_range=(0, 1))]
    for index, points in enumerate(lines.values()):
        path = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in points)
        colour = COLOURS[index % len(COLOURS)]
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" '
            f'points="{path}"/>'
        )
    return _svg(parts + _legend(list(lines)))


def bars(groups: Mapping[str, Mapping[str, int]]) -> str:
    """Draw a group of bars for each kind, one bar a label."""
    kinds = list(next(iter(groups.values()), {}))
    most = max((n for group in groups.values() for n in group.values()), default=1)
    parts = [_axes(x_range=None, y_range=(0, most))]
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(kinds))
    thick = slot * 0.8 / max(1, len(groups))
    for index, group in enumerate(groups.values()):
        for column, kind in enumerate(kinds):
            x = LEFT + column * slot + slot * 0.1 + index * thick
            top = _y(group[kind] / max(most, 1))
            parts.append(_bar(x, top, thick, index, f"{kind}: {group[kind]}"))
    for column, kind in enumerate(kinds):
        x, y = LEFT + (column + 0.5) * slot, HEIGHT - BOTTOM + 10 + 11 * (column % 2)
        parts.append(_text(x, y, kind, anchor="middle"))
    return _svg(parts + _legend(list(groups)))


def histogram(values: Mapping[str, Sequence[float]], *, reach: float) -> str:
    """Draw how values from -reach to reach are spread, label by label."""
    counts = {name: _counted(list(v), reach) for name, v in values.items()}
    most = max((n for bins in counts.values() for n in bins), default=1)
    parts = [_axes(x_range=(-reach, reach), y_range=(0, max(most, 1)))]
    slot = (WIDTH - LEFT - RIGHT) / HISTOGRAM_BINS
    thick = slot * 0.9 / max(1, len(counts))
    for index, bins in enumerate(counts.values()):
        for column, count in enumerate(bins):
            x = LEFT + column * slot + index * thick
            parts.append(_bar(x, _y(count / max(most, 1)), thick, index, str(count)))
    return _svg(parts + _legend(list(counts)))


def reliability(bins: Sequence[tuple[float, float, int]]) -> str:
    """Draw share of hits over mean score; on the diagonal a score means itself."""
    parts = [_axes(x_range=(0, 1), y_range=(0, 1))]
    parts.append(
        f'<line x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}" '
        f'stroke="#9aa5ab" stroke-dasharray="4 4"/>'
    )
    path = " ".join(f"{_x(score):.1f},{_y(share):.1f}" for score, share, _ in bins)
    parts.append(
        f'<polyline fill="none" stroke="{COLOURS[0]}" stroke-width="2" '
        f'points="{path}"/>'
    )
    parts += [
        f'<circle cx="{_x(score):.1f}" cy="{_y(share):.1f}" r="4" '
        f'fill="{COLOURS[0]}"><title>{count} spots</title></circle>'
        for score, share, count in bins
    ]
    return _svg(parts)


def _counted(values: list[float], reach: float) -> list[int]:
    bins = [0] * HISTOGRAM_BINS
    for value in values:
        position = int((value + reach) / (2 * reach) * HISTOGRAM_BINS) if reach else 0
        bins[min(max(position, 0), HISTOGRAM_BINS - 1)] += 1
    return bins


def _axes(*, x_range: tuple[float, float] | None, y_range: tuple[float, float]) -> str:
    parts = [
        f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" '
        'stroke="#5c6b73"/>'
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        low, high = y_range
        text = f"{low + share * (high - low):g}"
        parts.append(_text(LEFT - 6, _y(share) + 4, text, anchor="end"))
        if x_range is not None:
            text = f"{x_range[0] + share * (x_range[1] - x_range[0]):g}"
            parts.append(_text(_x(share), HEIGHT - BOTTOM + 16, text, anchor="middle"))
    return "".join(parts)


def _legend(names: list[str]) -> list[str]:
    return [
        f'<rect x="{LEFT + 10 + 90 * index}" y="{TOP}" width="10" height="10" '
        f'fill="{COLOURS[index % len(COLOURS)]}"/>'
        + _text(LEFT + 24 + 90 * index, TOP + 9, name, anchor="start")
        for index, name in enumerate(names)
    ]


def _bar(x: float, top: float, width: float, index: int, title: str) -> str:
    height = HEIGHT - BOTTOM - top
    return (
        f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{COLOURS[index % len(COLOURS)]}">'
        f"<title>{html.escape(title)}</title></rect>"
    )


def _text(x: float, y: float, text: str, *, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{html.escape(text)}</text>"
    )


def _svg(parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}</svg>'
    )


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
