"""All formats of label files; a new one is a module and a line here."""

from pathlib import Path

from model.data.formats.base import LabelFormat
from model.data.formats.csv import CSV
from model.data.formats.e2espot import E2ESPOT
from model.data.formats.soccernet import SOCCERNET
from model.data.labels import MatchLabels
from model.errors import BadAnnotations

FORMATS: tuple[LabelFormat, ...] = (SOCCERNET, CSV, E2ESPOT)


def read_labels(path: Path) -> list[MatchLabels]:
    """Read a label file of any format, one `MatchLabels` for each video in it.

    Raises:
        BadAnnotations: it is of no known format, or it cannot be read.
    """
    if not path.is_file():
        raise BadAnnotations(f"{path} is not a file.")
    for one in FORMATS:
        if one.can_read(path):
            return one.read(path)
    known = ", ".join(one.name for one in FORMATS)
    raise BadAnnotations(f"{path} is in no known format of labels; known are: {known}.")
