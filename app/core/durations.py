"""Durations as people write them: `90`, `90 s`, `5 min`, `4 h`, or ISO 8601."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

PLAIN_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h)?")  # else ISO 8601: PT90S
UNIT_S = {None: 1, "s": 1, "min": 60, "h": 3600}


def _read_duration(value: Any) -> Any:
    """Read `90`, `90 s`, `5 min` or `4 h`; anything else is left to Pydantic."""
    found = PLAIN_DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return value
    number, unit = found.groups()
    return timedelta(seconds=float(number) * UNIT_S[unit])


Duration = Annotated[timedelta, BeforeValidator(_read_duration), Field(gt=timedelta(0))]
