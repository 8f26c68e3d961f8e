"""What is sent of the service's health."""

from typing import Literal

from pydantic import BaseModel, Field

CheckName = Literal[
    "database", "broker", "storage", "background", "media", "gpu", "train", "live"
]


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """Every part the service needs answers."""

    status: Literal["ready"] = "ready"
    checks: dict[str, str] = Field(
        examples=[
            {
                "database": "ok",
                "broker": "ok",
                "storage": "ok",
                "gpu": "ok",
                "media": "ok",
                "background": "ok",
            }
        ]
    )
