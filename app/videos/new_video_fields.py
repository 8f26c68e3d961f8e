"""What a client says of a video when it brings one: in JSON, as a form does."""

from pydantic import BaseModel, Field

from app.core.http.fields import Day
from app.jobs.kinds import HIGHEST_PRIORITY, LOWEST_PRIORITY
from app.videos.facts_schemas import MAX_NAME_CHARS, MAX_TITLE_CHARS


class NewVideoFields(BaseModel):
    """Title and match facts of a new video, and what is to be done with it."""

    title: str | None = Field(default=None, max_length=MAX_TITLE_CHARS)
    date: Day | None = Field(default=None, description="Of the match.")
    competition: str | None = Field(default=None, max_length=MAX_NAME_CHARS)
    callback_url: str | None = Field(
        default=None, max_length=2048, description="Where to POST the webhook."
    )
    model: str | None = Field(
        default=None,
        max_length=255,
        description="A name of GET /models; else the default. `none`: no model.",
    )
    priority: int = Field(default=0, ge=LOWEST_PRIORITY, le=HIGHEST_PRIORITY)

    @property
    def fields(self) -> dict[str, str]:
        """What a form would say beside the file."""
        said = {
            "title": self.title,
            "date": self.date.isoformat() if self.date else None,
            "competition": self.competition,
            "callback_url": self.callback_url,
            "model": self.model,
            "priority": str(self.priority) if self.priority else None,
        }
        return {name: value for name, value in said.items() if value is not None}
