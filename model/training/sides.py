"""Labels that name a side: what they are called in a mirror image."""

import re
from collections.abc import Mapping, Sequence

_SIDES = (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"))
_WORD = re.compile(r"(?<![A-Za-z])(left|right|Left|Right|LEFT|RIGHT)(?![A-Za-z])")
_OTHER = {a: b for pair in _SIDES for a, b in (pair, pair[::-1])}


def side_twins(labels: Sequence[str]) -> Mapping[str, str] | None:
    """Say what each label is called in a mirror image.

    Returns:
        None where a label names a side whose other one is no label: then pictures must
        not be mirrored.
    """
    twins = {label: _WORD.sub(lambda m: _OTHER[m.group()], label) for label in labels}
    return twins if set(twins.values()) <= set(labels) else None


def twin_places(labels: Sequence[str]) -> tuple[int, ...] | None:
    """Say the same by the labels' places; see `side_twins`."""
    twins = side_twins(labels)
    if twins is None:
        return None
    return tuple(list(labels).index(twins[label]) for label in labels)
