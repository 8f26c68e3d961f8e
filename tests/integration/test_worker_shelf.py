"""Which checkpoint a worker takes where a job names none."""

from pathlib import Path

import pytest

from app.core.settings import Settings
from model.errors import BadCheckpoint
from worker.shelf import Shelf


def shelf(folder: Path, model: str) -> Shelf:
    """A shelf whose operator has set TOUCHLINE_MODEL."""
    fields = {"data_dir": folder, "model": model, "engine": "openvino"}
    return Shelf(Settings.model_validate(fields))


def test_the_operators_setting_comes_before_the_kept_default(
    tmp_path: Path, checkpoint: Path
) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "default").write_text("arena-rny002\n")
    own = shelf(tmp_path, str(checkpoint))

    taken = own.get(None)

    assert taken.manifest.name == "tiny"
    assert own.get("tiny") is taken  # as GET /models lists it


def test_a_setting_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match="called 'gone'"):
        shelf(tmp_path, "gone").get(None)
