"""What the file of a clip is called."""

import pytest

from app.clips.clip_file_routes import stem_of


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("FC St. Pauli - HSV", "FC St. Pauli - HSV"),
        ("Finale 31.05.2026", "Finale 31.05.2026"),
        ("Arsenal / Spurs 2:1", "Arsenal - Spurs 2:1"),
        ("derby.mp4", "derby"),
        ("GX010001.MP4", "GX010001"),
        ("a/derby.mkv", "a-derby"),
    ],
)
def test_a_clip_is_called_by_the_whole_title_of_its_video(
    title: str, stem: str
) -> None:
    assert stem_of(title) == stem
