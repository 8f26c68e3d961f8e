"""What is sent of a match: its date, competition, teams and halves."""

from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.core.http.fields import Colour, Day, Line
from app.videos.search_words import plain_text

MAX_TITLE_CHARS = 300
MAX_NAME_CHARS = 100
MAX_HALVES = 20  # extra time and shoot-outs, too
MAX_CLOCK_S = 24 * 3600.0

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _or_none(text: str) -> str | None:
    return text or None  # What pages send for a field left empty.


Title = Annotated[Line, Field(max_length=MAX_TITLE_CHARS), AfterValidator(_or_none)]
Competition = Annotated[
    Line, Field(max_length=MAX_NAME_CHARS), AfterValidator(_or_none)
]


class Team(BaseModel):
    """One of the teams of a match."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(min_length=1, max_length=MAX_NAME_CHARS)] = Field(
        examples=["Arena Reds"]
    )
    colour: Colour | None = None
    side: Annotated[Line, Field(min_length=1, max_length=MAX_NAME_CHARS)] | None = (
        Field(
            default=None,
            description="The `team` that events of this team have: one of the sides "
            "that the model tells apart (`checkpoint.teams` of the job).",
            examples=["left"],
        )
    )


class Half(BaseModel):
    """A stretch of play, from its kick-off; times in seconds of the video."""

    model_config = ConfigDict(extra="forbid")

    start_s: Seconds = Field(description="The kick-off.", examples=[12.5])
    end_s: Seconds | None = Field(
        default=None, description="Null: the next half's start, or the video's end."
    )
    clock_start_s: Annotated[Seconds, Field(le=MAX_CLOCK_S)] | None = Field(
        default=None,
        description="What the match clock shows at the kick-off. Null: 0 in the first "
        "half, later what it showed when the half before ended.",
        examples=[1200.0],
    )

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Self:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise PydanticCustomError("half", "the half must end after its start")
        return self


class NewFacts(BaseModel):
    """What to change of a video: what is left out stays, null clears."""

    model_config = ConfigDict(extra="forbid")

    title: Title | None = Field(default=None, examples=["Cup final"])
    date: Day | None = Field(default=None, description="Of the match.")
    competition: Competition | None = Field(default=None, examples=["City Cup"])
    teams: Annotated[list[Team], Field(max_length=2)] | None = Field(
        default=None, description="Both, or the one that matters. In place of all."
    )
    halves: Annotated[list[Half], Field(max_length=MAX_HALVES)] | None = Field(
        default=None, description="In order of time. In place of all."
    )

    @field_validator("teams")
    @classmethod
    def _differ(cls, teams: list[Team] | None) -> list[Team] | None:
        names = [plain_text(team.name) for team in teams or ()]
        sides = [team.side for team in teams or () if team.side is not None]
        if len(set(names)) < len(names):
            raise PydanticCustomError("teams", "the teams must have different names")
        if len(set(sides)) < len(sides):
            raise PydanticCustomError("teams", "the teams must have different sides")
        return teams

    @field_validator("halves")
    @classmethod
    def _follow_each_other(cls, halves: list[Half] | None) -> list[Half] | None:
        for number, (one, following) in enumerate(pairwise(halves or ()), 1):
            if following.start_s <= one.start_s:
                raise PydanticCustomError(
                    "halves",
                    "halves must be in order of time; half {later} begins before half "
                    "{number}",
                    {"number": number, "later": number + 1},
                )
            if one.end_s is not None and one.end_s > following.start_s:
                raise PydanticCustomError(
                    "halves",
                    "halves must not overlap; half {later} begins before half {number} "
                    "ends",
                    {"number": number, "later": number + 1},
                )
        return halves

    def changes(self) -> dict[str, Any]:
        """Tell which columns of a video change to what."""
        sent = self.model_dump(include=self.model_fields_set)
        for name in ("teams", "halves"):
            if name in sent:
                sent[name] = sent[name] or None
        if "date" in sent:
            sent["played_on"] = sent.pop("date")
        return sent
