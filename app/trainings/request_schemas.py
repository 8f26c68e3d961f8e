"""What a client asks for when a model is to be trained."""

from collections.abc import Iterable
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from app.core.http.fields import Line
from app.trainings.options import (
    DEFAULT_MINUTES,
    REVIEWED,
    Holdout,
    Start,
    TrainingOptions,
)
from model.checkpoint.versions import MAX_NAME, NAME

MAX_TYPES = 100
MAX_VIDEOS = 1000
MAX_MINUTES = 24 * 60.0
MAX_SEED = 2**31 - 1

TypeName = Annotated[Line, Field(min_length=1, max_length=100)]
VideoIds = Annotated[list[UUID], Field(min_length=1, max_length=MAX_VIDEOS)]


class HoldoutChoice(BaseModel):
    """What the model is judged by and does not learn from: videos, or a share."""

    model_config = ConfigDict(extra="forbid")

    videos: VideoIds | None = Field(
        default=None,
        description="Ids of videos, which are held out with the other half of the same "
        "match.",
    )
    share: float | None = Field(
        default=None, ge=0.05, le=0.5, description="Of what is reviewed."
    )

    @property
    def plain(self) -> Holdout:
        """The same as plain data."""
        return Holdout(_once(self.videos or ()), self.share)

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.videos is None) == (self.share is None):
            raise PydanticCustomError(
                "holdout", "name either videos or a share of what is reviewed"
            )
        return self


class NewTraining(BaseModel):
    """What is to be trained."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "hall", "types": ["PASS", "SHOT"], "minutes": 30}]
        },
    )

    name: str = Field(
        min_length=1,
        max_length=200,
        # Refused in words of our own, see `check_name`.
        json_schema_extra={"pattern": f"^{NAME.pattern}$", "maxLength": MAX_NAME},
        description="Of the model. Each training of a name makes its next version: "
        "`hall@1`, `hall@2`.",
        examples=["hall"],
    )
    base: str | None = Field(
        default=None,
        max_length=255,
        description="The model to start from, a name of GET /models; of a name without "
        "version the newest. Left out: the default one. Null: none.",
        examples=["arena-rny002"],
    )
    start: Start | None = Field(
        default=None,
        description="What of the base is kept: all of it (`base`), all but what tells "
        "types (`trunk`), or no weights (`imagenet`: those of ImageNet where they can "
        "be had, `noise`). Left out: `base`, or `imagenet` without a base.",
    )
    types: (
        Annotated[list[TypeName], Field(min_length=1, max_length=MAX_TYPES)] | None
    ) = Field(
        default=None,
        description="What the model is to find. Left out: the base's types and "
        "those that were reviewed.",
    )
    mapping: dict[TypeName, TypeName | None] = Field(
        default_factory=dict,
        max_length=MAX_TYPES,
        description="Types of the base or of the data by what they become: another "
        "type, or null, which drops them.",
        examples=[{"PASS LEFT": "PASS", "THROW_IN": None}],
    )
    videos: VideoIds | Literal["reviewed"] = Field(
        default="reviewed", description="Ids; `reviewed`: all of which something is."
    )
    minutes: float = Field(
        default=DEFAULT_MINUTES,
        ge=1,
        le=MAX_MINUTES,
        description="How long it may train.",
    )
    holdout: HoldoutChoice | None = Field(
        default=None, description="Null: whole matches, or a part of each."
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="Of every chance.")

    @field_validator("types")
    @classmethod
    def _differ(cls, types: list[str] | None) -> list[str] | None:
        seen: dict[str, str] = {}
        for one in types or ():
            if one.casefold() in seen:
                raise PydanticCustomError(
                    "types",
                    "the types {same} and {name} differ in case at most",
                    {"same": repr(seen[one.casefold()]), "name": repr(one)},
                )
            seen[one.casefold()] = one
        return types

    @model_validator(mode="after")
    def _has_what_it_starts_from(self) -> Self:
        if self.is_without_base and self.start in ("base", "trunk"):
            raise PydanticCustomError(
                "start",
                "without a base there is nothing of it to keep: name a base, or start "
                "from imagenet or noise",
            )
        return self

    @property
    def is_without_base(self) -> bool:
        """Whether it is to start from no model."""
        said_none = "base" in self.model_fields_set and self.base is None
        return said_none or (self.base is None and self.start in ("imagenet", "noise"))

    @property
    def video_ids(self) -> list[UUID] | None:
        """The videos that are named; None: all that are reviewed."""
        return None if self.videos == REVIEWED else [UUID(str(v)) for v in self.videos]

    @property
    def options(self) -> TrainingOptions:
        """The same as plain data."""
        ids, held = self.video_ids, self.holdout
        return TrainingOptions(
            start=self.start or ("imagenet" if self.is_without_base else "base"),
            types=None if self.types is None else tuple(self.types),
            mapping=dict(self.mapping),
            videos=None if ids is None else _once(ids),
            minutes=self.minutes,
            holdout=None if held is None else held.plain,
            seed=self.seed,
        )


def _once(ids: Iterable[UUID]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(str, ids)))
