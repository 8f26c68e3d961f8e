"""Thresholds as a request's address asks for them: `threshold.PASS=0.4`."""

import math
from typing import Annotated, Any

from fastapi import Depends, Request

from app.core.errors import InvalidRequest

PREFIX = "threshold."

THRESHOLDS: dict[str, Any] = {
    "parameters": [
        {
            "name": "threshold.TYPE",
            "in": "query",
            "required": False,
            "description": "Lowest score of an event of a type, in place of the saved "
            "one or the model's: `threshold.PASS=0.4`. One for each type.",
            "schema": {"type": "number", "minimum": 0, "maximum": 1},
        }
    ]
}
"""For `openapi_extra` of a route that takes them."""


async def read_thresholds(request: Request) -> dict[str, float]:
    """Read the thresholds of a request; whether a type is known is asked later.

    Raises:
        InvalidRequest: one is not a number from 0 to 1, or is given twice.
    """
    asked: dict[str, float] = {}
    for name, text in request.query_params.multi_items():
        if not name.startswith(PREFIX):
            continue
        label = name.removeprefix(PREFIX)
        if label in asked:
            raise InvalidRequest(f"{name!r} is given twice.")
        asked[label] = _number(name, text)
    return asked


AskedThresholds = Annotated[dict[str, float], Depends(read_thresholds)]


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:  # neither is NaN
        raise InvalidRequest(f"{name!r} must be a number from 0 to 1, not {text!r}.")
    return value
