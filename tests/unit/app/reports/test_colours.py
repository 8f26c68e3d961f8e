"""Colours of teams: seen on every ground, and as they were wanted where they are."""

import pytest

from app.reports.colours import (
    DARK,
    LIGHT,
    NOBODY,
    contrast,
    shades_of,
    visible,
)

COLOURS = ("#ffffff", "#000000", "#ffe14d", "#d62728", "#808080", "#00ff00", "#0000ff")


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("ground", [LIGHT, DARK])
def test_a_colour_is_seen_on_its_ground(colour: str, ground: str) -> None:
    assert contrast(visible(colour, ground), ground) >= 3


def test_a_colour_that_is_seen_stays_as_it_is() -> None:
    assert visible("#d62728", LIGHT) == "#d62728"
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == 1


@pytest.mark.parametrize("index", [NOBODY, *range(8)])
def test_a_team_without_a_colour_gets_one_that_is_seen(index: int) -> None:
    shades = shades_of("no colour", index)

    assert contrast(shades.light, LIGHT) >= 3
    assert contrast(shades.dark, DARK) >= 3
    assert shades == shades_of(None, index)
