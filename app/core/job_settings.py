"""What an operator can set about jobs: how often they are tried, and who is silent."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.core.durations import Duration


class JobSettings(BaseModel):
    """The part of the settings that jobs and those who watch over them have."""

    max_attempts: int = Field(default=3, ge=1)  # failed runs before a job is given up
    max_interruptions: int = Field(default=10, ge=1)  # runs whose worker died, likewise
    batch_window: int = Field(default=200, ge=1, le=10_000)  # jobs of one batch queued
    save_every: Duration = timedelta(seconds=60)  # of video; what a death may cost
    # A video is analysed in so many segments at most, side by side; 0: in one piece.
    segments: Literal["auto"] | Annotated[int, Field(ge=0, le=64)] = 0
    lease: Duration = timedelta(seconds=60)
    heartbeat: Duration = timedelta(seconds=10)
    sweep_every: Duration = timedelta(seconds=15)
    stall: Duration = timedelta(minutes=10)  # a run without progress: worker replaced
    train_worker: bool = True  # `touchline serve` starts one where it can be had
    hang_limit: Duration = timedelta(seconds=60)  # API or Postgres silent: replaced
