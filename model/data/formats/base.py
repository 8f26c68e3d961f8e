"""What a format of label files has to offer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.data.labels import Match, MatchLabels


@dataclass(frozen=True, slots=True)
class LabelFormat:
    """A format of label files.

    Attributes:
        name: of the format, as users see it.
        layout: where its files lie beside videos, for messages.
        is_label_file: of a file and the data set's root, whether the file is one of
            this format beside its video; cheap, for it is asked of every file.
        can_read: whether a file that somebody names is of this format.
        read: reads a file, one `MatchLabels` for each video; raises BadAnnotations.
        match_of: pairs labels that were found below a root with their video; raises
            BadAnnotations where there is not exactly one.
    """

    name: str
    layout: str
    is_label_file: Callable[[Path, Path], bool]
    can_read: Callable[[Path], bool]
    read: Callable[[Path], list[MatchLabels]]
    match_of: Callable[[MatchLabels, Path], Match]
