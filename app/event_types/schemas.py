"""What is sent of types of events."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from app.core.http.fields import Colour, Line
from app.core.http.schemas import Page
from app.event_types.service import TypeFacts

MAX_TYPES = 100
MAX_NAME_CHARS = 100


class EventType(BaseModel):
    """A type of event that people tag."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    name: Annotated[Line, Field(min_length=1, max_length=MAX_NAME_CHARS)] = Field(
        examples=["TACKLE"]
    )
    key: Annotated[str, Field(pattern="^[1-9]$")] | None = Field(
        default=None, description="On the keyboard: `1` to `9`.", examples=["4"]
    )
    colour: Colour | None = None


class EventTypePage(Page[EventType]):
    """All types of the project, in their order."""

    @classmethod
    def of(cls, types: Sequence[TypeFacts]) -> "EventTypePage":
        """Read a list."""
        items = [EventType.model_validate(one) for one in types]
        return cls(items=items, next_cursor=None)


class NewEventTypes(BaseModel):
    """The whole list, in its order; what `GET` answered can be sent back."""

    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[EventType], Field(max_length=MAX_TYPES)]
    next_cursor: None = Field(default=None, description="Of the answer; not used.")

    @field_validator("items")
    @classmethod
    def _differ(cls, items: list[EventType]) -> list[EventType]:
        names: dict[str, str] = {}
        keys: set[str] = set()
        for one in items:
            same = names.get(one.name.casefold())
            if same is not None:
                raise PydanticCustomError(
                    "types",
                    "the types {same} and {name} differ in case at most",
                    {"same": repr(same), "name": repr(one.name)},
                )
            names[one.name.casefold()] = one.name
            if one.key in keys:
                raise PydanticCustomError(
                    "types", "the key {key} is given to two types", {"key": one.key}
                )
            if one.key is not None:
                keys.add(one.key)
        return items

    @property
    def types(self) -> list[TypeFacts]:
        """The list without its form."""
        return [TypeFacts(one.name, one.key, one.colour) for one in self.items]
