"""False alarms: spots of a network where nothing happened, kept in a file.

Those of `touchline train --folds` are out of fold: of matches that the network was
not trained on. Training can sample them more often (`data.hard_negatives`).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as validated

from model.errors import BadAnnotations
from model.training.files import write_at_once
from model.training.section import describe_errors

FORMAT = "touchline-false-alarms"


@validated(frozen=True, slots=True)
class FalseAlarm:
    """A spot that meets no event of its label.

    Attributes:
        match: name of the match.
        label: what the network took it for.
        time_s: when, in seconds of the video.
        score: of the spot, in (0, 1].
    """

    match: str
    label: str
    time_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    score: Annotated[float, Field(gt=0, le=1)]


@validated(frozen=True, slots=True)
class _File:
    format: str
    false_alarms: tuple[FalseAlarm, ...]


def write_false_alarms(path: Path, alarms: Sequence[FalseAlarm]) -> None:
    """Write them, replacing the file at once."""
    raw = {"format": FORMAT, "false_alarms": [asdict(alarm) for alarm in alarms]}
    write_at_once(path, (json.dumps(raw, indent=1) + "\n").encode())


def read_false_alarms(path: Path) -> tuple[FalseAlarm, ...]:
    """Read them back.

    Raises:
        BadAnnotations: the file cannot be read, or is no file of false alarms; the
            message names what is wrong.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(raw, dict) or raw.get("format") != FORMAT:
            raise ValueError("it is not what `touchline train --folds` writes")
        return TypeAdapter(_File).validate_python(raw).false_alarms
    except ValidationError as exc:
        raise BadAnnotations(f"{path}: {describe_errors(exc, _File)}.") from exc
    except (OSError, ValueError) as exc:
        raise BadAnnotations(f"{path} cannot be read as false alarms: {exc}.") from exc
