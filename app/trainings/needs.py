"""What more events of a type would bring, as a training's curves tell it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LEAST_GAIN = 0.005  # of AP; less is none


class Need(BaseModel):
    """What more events of a type would bring."""

    model_config = ConfigDict(extra="allow")

    type: str
    outlook: Literal["helps", "hardly", "unknown"] = Field(
        description="`helps`: a gain is seen; `hardly`: none is; `unknown`: there are "
        "too few events to tell."
    )
    more: int = Field(description="Events to review.")
    gain: float | None = Field(
        default=None, description="Of AP that this is likely to bring."
    )
    text: str = Field(
        examples=[
            "12 more events of SHOT would help: average precision would rise by about "
            "0.05 (likely between 0.01 and 0.12)."
        ]
    )


@dataclass(frozen=True, slots=True)
class Needs:
    """What is known of all types.

    Attributes:
        helping: types of which more would help, the one that gains most first.
        others: of which it would not, or nobody can tell.
    """

    helping: Sequence[Need] = field(default_factory=list)
    others: Sequence[Need] = field(default_factory=list)


def needs_in(figures: Mapping[str, Any] | None) -> Needs:
    """Read what would help off a training's figures."""
    raw = (figures or {}).get("needs")
    rows: Sequence[Any] = raw if isinstance(raw, list) else ()
    found = [
        Need.model_validate({**row, "outlook": _outlook(row)})
        for row in rows
        if isinstance(row, dict) and {"type", "more", "text"} <= row.keys()
    ]
    helping = [one for one in found if one.outlook == "helps"]
    return Needs(helping, [one for one in found if one.outlook != "helps"])


def _outlook(row: Mapping[str, Any]) -> str:
    """Tell by the gain and the low end of its interval, which all trainings have."""
    gain, low = row.get("gain"), row.get("low")
    if gain is None:
        return "unknown"
    is_seen = gain >= LEAST_GAIN and (low is None or low > 0)
    return "helps" if is_seen else "hardly"
