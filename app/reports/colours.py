"""Colours of teams that can be seen on paper, on a light screen and on a dark one."""

import re
from dataclasses import dataclass

LIGHT, DARK = "#ffffff", "#181e1b"
NOBODY = -1
"""The index of what no team did."""

_USUAL = ("#1f6fb4", "#c2571a", "#6b4fb3", "#2c7a4b", "#9a3b6e", "#7a6a10")
_UNKNOWN = "#7a8580"
_LEAST = 3.0  # WCAG 2.1, 1.4.11
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Shades:
    """A colour on light and on dark ground, `#rrggbb` each."""

    light: str
    dark: str


def shades_of(wanted: str | None, index: int) -> Shades:
    """Give what stands at a place its colour: the one wanted, as far as it is seen.

    Args:
        wanted: `#rrggbb` of the match facts.
        index: of the team; `NOBODY`: of no team.
    """
    usual = _UNKNOWN if index == NOBODY else _USUAL[index % len(_USUAL)]
    colour = wanted if wanted and _COLOUR.fullmatch(wanted) else usual
    return Shades(visible(colour, LIGHT), visible(colour, DARK))


def visible(colour: str, ground: str) -> str:
    """Change a colour no more than is needed for it to be seen on a ground."""
    aim = 0 if _luminance(ground) > 0.5 else 255
    parts = _parts(colour)
    for share in range(0, 101, 5):
        mixed = [round(part + (aim - part) * share / 100) for part in parts]
        found = "#" + "".join(f"{part:02x}" for part in mixed)
        if contrast(found, ground) >= _LEAST:
            return found
    return "#ffffff" if aim else "#000000"


def contrast(one: str, other: str) -> float:
    """Tell the contrast of two colours as WCAG has it, 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    shares = [part / 255 for part in _parts(colour)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
