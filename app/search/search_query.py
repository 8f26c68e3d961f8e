"""What a client asks for, in a request's parameters or under a name."""

from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.annotations.selection import SHOWN
from app.core.http.fields import Day
from app.search.criteria import EventSearch, SequenceWanted
from app.timelines.parameters import Order
from app.timelines.schemas import EventStateName
from app.videos.search import VideoFilter

MOST_STEPS = 10
MOST_WITHIN_S = 300.0
DEFAULT_WITHIN_S = 10.0

Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
Step = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Texts = Annotated[list[Text], Field(max_length=50)]


class SearchQuery(BaseModel):
    """A search, with the names that the parameters of `GET /events` have."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "sequence": ["PASS", "PASS", "SHOT"],
                    "within_s": 8,
                    "same_team": True,
                    "team": ["Arena Reds"],
                    "from_date": "2026-01-01",
                },
                {"type": ["SHOT"], "min_score": 0.5},
            ]
        },
    )

    type: Texts = Field([], description="Any of these types.")
    team: Texts = Field([], description="As events have it, or as match facts say.")
    player: Texts = Field([], description="The attribute `player`.")
    state: list[EventStateName | Literal["all"]] = Field(
        [], max_length=10, description="If left out: all but rejected."
    )
    min_score: float | None = Field(
        None, ge=0, le=1, description="Of suggestions; what was decided stays."
    )
    q: Text | None = Field(
        None, description="Words of the match, as `GET /videos` has them."
    )
    competition: Text | None = Field(None, description="The whole name.")
    from_date: Day | None = Field(None, description="Of the match, this day or later.")
    to_date: Day | None = Field(None, description="Of the match, this day or earlier.")
    order: Order = Field("desc", description="By match, as they were added, then time.")
    sequence: list[Step] | None = Field(
        None,
        description="Types of events one after another, 2 to 10; others may lie "
        "between. In place of `type`.",
    )
    within_s: float | None = Field(
        None,
        gt=0,
        le=MOST_WITHIN_S,
        description="From the first event of the sequence to its last at most; "
        f"{DEFAULT_WITHIN_S:g} if left out.",
    )
    same_team: bool = Field(
        False, description="One team does all events of the sequence."
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.sequence is None:
            if self.within_s is not None or self.same_team:
                raise _refused(
                    "within_s and same_team belong to a sequence: add one, such as "
                    "sequence=PASS,SHOT, or leave them out"
                )
            return self
        if not 2 <= len(self.sequence) <= MOST_STEPS:
            raise _refused(
                f"a sequence has 2 to {MOST_STEPS} types of events, such as "
                "PASS,PASS,SHOT; "
                + ("for one, use type" if len(self.sequence) < 2 else "shorten it")
            )
        if self.type:
            raise _refused(
                "the sequence names the types: leave out type, or the sequence"
            )
        return self

    @property
    def wanted(self) -> EventSearch:
        """The search without its form."""
        every = frozenset(get_args(EventStateName))
        named = frozenset(state for state in self.state if state != "all")
        sequence = None
        if self.sequence is not None:
            sequence = SequenceWanted(
                labels=tuple(self.sequence),
                within_ms=round((self.within_s or DEFAULT_WITHIN_S) * 1000),
                same_team=self.same_team,
            )
        return EventSearch(
            labels=self.type,
            teams=self.team,
            players=self.player,
            states=every if "all" in self.state else named or SHOWN,
            min_score=self.min_score,
            videos=VideoFilter(
                words=self.q,
                competition=self.competition,
                from_date=self.from_date,
                to_date=self.to_date,
            ),
            is_descending=self.order == "desc",
            sequence=sequence,
        )


def _refused(words: str) -> PydanticCustomError:
    return PydanticCustomError("value_error", "{words}", {"words": words})
