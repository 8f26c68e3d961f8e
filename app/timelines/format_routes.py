"""The formats that events can be had in, for pages and programs that offer them."""

from typing import Literal

from pydantic import BaseModel, Field

from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.core.http.schemas import Page
from app.timelines.exports import EXPORTS

router = guarded_router("events")


class Format(BaseModel):
    """A format of files of events."""

    name: str = Field(description="As `format=` takes it.", examples=["sportscode"])
    title: str = Field(examples=["Sportscode's XML"])
    suffix: str = Field(description="Of a file, without a dot.", examples=["xml"])
    media_type: str = Field(examples=["application/xml"])
    provenance: Literal["all", "summary", "none"] = Field(
        description="What a file can tell of where events come from; `summary`: all "
        "but the history of edits."
    )
    path: str = Field(
        description="Below the address of a video.", examples=["events.sportscode.xml"]
    )


class FormatPage(Page[Format]):
    """Formats, in the order of their titles."""


@router.get("/formats", responses=problem_responses())
async def list_formats() -> FormatPage:
    """List the formats that events can be had in; JSON's pages are not among them."""
    items = [
        Format(
            name=export.name,
            title=export.title[0].upper() + export.title[1:],
            suffix=export.suffix,
            media_type=export.media_type,
            provenance=export.form.holds.provenance,
            path=export.path,
        )
        for export in EXPORTS.values()
    ]
    items.sort(key=lambda one: one.title.removeprefix("A ").removeprefix("An "))
    return FormatPage(items=items, next_cursor=None)
