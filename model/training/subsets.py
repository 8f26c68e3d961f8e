"""The matches of training and of validation."""

from pathlib import Path

from model.data.labels import Match
from model.data.matches import find_matches
from model.data.splits import read_split
from model.errors import BadAnnotations
from model.training.settings import DataSettings


def find_subsets(data: DataSettings) -> tuple[list[Match], list[Match]]:
    """Find the matches of train and val.

    Raises:
        BadAnnotations: neither folders nor a split are named, or both.
    """
    if data.train and data.val and not data.split:
        return find_matches(Path(data.train)), find_matches(Path(data.val))
    if data.split and data.train and not data.val:
        split, matches = read_split(Path(data.split)), find_matches(Path(data.train))
        return split.take(matches, "train"), split.take(matches, "val")
    raise BadAnnotations(
        "data: name `train` and `val` folders, or one folder as `train` and a `split`."
    )
