"""What is written over cuts, when it changes, and that any letters can be drawn."""

import av
import numpy as np
import pytest
from PIL import features

from model.video.caption_picture import CaptionPainter
from model.video.captions import (
    CaptionedEvent,
    CaptionOptions,
    MatchWords,
    RunningClock,
    with_captions,
)
from model.video.cuts import Caption, Cut
from model.video.frame_times import FrameTimes

TIMES = FrameTimes.constant(fps=25, frames=2500)
EVENTS = {
    "a": CaptionedEvent(10.0, "PASS", "left"),
    "b": CaptionedEvent(12.0, "SHOT", "Arsenal", "9 Smith"),
}
CUT = Cut(200, 350, ("a", "b"))  # from 8 s to 14 s
MATCH = MatchWords(
    ["Leeds", "Arsenal"],
    {"left": "Leeds"},
    [RunningClock(0, 11.5, 2690.25), RunningClock(12.5, 100, 2700)],
)


def said(options: CaptionOptions, match: MatchWords) -> list[Caption]:
    (cut,) = with_captions([CUT], TIMES, EVENTS, options, match)
    return list(cut.captions)


def test_the_nearest_event_is_told_with_team_and_player() -> None:
    assert said(CaptionOptions(type=True), MATCH) == [
        (8.0, ("PASS · Leeds",)),
        (11.0, ("SHOT · Arsenal · 9 Smith",)),
    ]


def test_the_clock_goes_on_each_second_and_stands_between_halves() -> None:
    found = said(CaptionOptions(clock=True, teams=True), MATCH)

    assert found == [
        (8.0, ("Leeds – Arsenal · 44:58",)),
        (8.75, ("Leeds – Arsenal · 44:59",)),
        (9.75, ("Leeds – Arsenal · 45:00",)),
        (10.75, ("Leeds – Arsenal · 45:01",)),
        (11.5, ("Leeds – Arsenal",)),
        (12.5, ("Leeds – Arsenal · 45:00",)),
        (13.5, ("Leeds – Arsenal · 45:01",)),
    ]


def test_without_facts_the_clock_is_the_videos() -> None:
    found = said(CaptionOptions(clock=True, teams=True), MatchWords())

    assert found == [(float(second), (f"00:{second:02}",)) for second in range(8, 14)]


@pytest.mark.parametrize(
    "line",
    [
        *("SHOT", "Зенит – Αθήνα", "ليدز – הפועל", "東京 🏀", "x" * 5000),
        *("\n\t\0", "\u202eevil", ""),
    ],
)
@pytest.mark.parametrize("size", [(1920, 1080), (64, 48), (48, 320), (32, 16)])
def test_any_text_is_drawn_inside_any_picture(line: str, size: tuple[int, int]) -> None:
    picture = av.VideoFrame.from_ndarray(
        np.full((size[1] * 3 // 2, size[0]), 128, np.uint8), format="yuv420p"
    )

    CaptionPainter().paint(picture, (line, "12:34"))

    luma = picture.to_ndarray()[: size[1]]
    assert (luma[: size[1] // 3] == 128).all()
    assert (luma != 128).any() == (min(size) >= 48)


def test_a_picture_that_others_hold_is_not_written_on() -> None:
    held = av.VideoFrame.from_ndarray(
        np.full((540, 640), 128, np.uint8), format="yuv420p"
    )
    same = held.reformat(format="yuv420p")
    before = held.to_ndarray()

    CaptionPainter().paint(same, ("SHOT",))

    assert (before != same.to_ndarray()).any()


@pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no Raqm")
def test_arabic_letters_are_joined() -> None:
    letter, word = "\u0628", "\u0628\u0628\u0628"

    font = CaptionPainter()._sized(40)

    assert font.getlength(word) < 2 * font.getlength(letter)
