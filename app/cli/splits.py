"""Which split goes with a folder of matches."""

from pathlib import Path

import typer

OWN_SPLIT = "split.json"  # of a data set that `touchline dataset export` wrote


def split_for(data: Path | None, split: Path | None) -> Path | None:
    """Give the split that was named, or else the folder's own.

    Raises:
        typer.BadParameter: one was named without the other, and there is none.
    """
    if data is not None and split is None and (data / OWN_SPLIT).is_file():
        return data / OWN_SPLIT
    if (data is None) != (split is None):
        raise typer.BadParameter(
            "--data and --split go together, unless the folder has a split.json"
        )
    return split
