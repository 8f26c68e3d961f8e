"""What is sent of saved searches, and what a client asks for."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.core.http.fields import Line
from app.core.http.schemas import Page
from app.search.playlist import Entry
from app.search.schemas import FoundVideo
from app.search.search_query import SearchQuery
from app.search.tables import SavedSearch as SavedSearchRow

Name = Annotated[Line, Field(min_length=1, max_length=100)]
_QUERY: JsonDict = {"sequence": ["PASS", "PASS", "SHOT"], "within_s": 8}


class NewSearch(BaseModel):
    """A search to save."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "Shots on the run", "query": _QUERY}]},
    )

    name: Name
    query: SearchQuery


class SearchChanges(BaseModel):
    """What to change of a saved search; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Quick shots"}]}
    )

    name: Name | None = None
    query: SearchQuery | None = Field(None, description="The whole query anew.")

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.name is None and self.query is None:
            raise PydanticCustomError(
                "value_error", "name a new name, a new query or both"
            )
        return self


class SavedSearch(BaseModel):
    """A search under a name."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Shots on the run"])
    query: SearchQuery
    version: int = Field(ge=1, description="Goes up with each change. See If-Match.")
    created_by: str = Field(examples=["key:default"])
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: SavedSearchRow) -> Self:
        """Show it."""
        return cls.model_validate(row)


class SavedSearchPage(Page[SavedSearch]):
    """Saved searches, by name."""


class PlaylistEntry(BaseModel):
    """A part of a match to play."""

    video: FoundVideo
    name: str = Field(examples=["Cup final 1:21 PASS, PASS, SHOT"])
    file: str = Field(description="The address of the video's file.")
    start_s: float
    end_s: float
    event_ids: list[UUID]

    @classmethod
    def of(cls, entry: Entry) -> Self:
        """Show it."""
        stretch = entry.stretch
        return cls.model_construct(
            video=FoundVideo.of(entry.hit.video),
            name=stretch.name,
            file=stretch.address,
            start_s=round(stretch.start_s, 3),
            end_s=round(stretch.end_s, 3),
            event_ids=[event.event_id for event in entry.hit.events],
        )


class Playlist(BaseModel):
    """The hits of a search, to be played one after another."""

    name: str
    entries: list[PlaylistEntry] = Field(description="One a hit; 1,000 at most.")
