"""The files a list of events can be had as: every format of `model.data.formats`.

Each has a path of its own, which documents the one media type it answers with, and can
be had by `format=` of the list as well. A new one is an entry of `FORMATS` there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import Response
from pydantic import BaseModel

from app.timelines.export_schemas import SCHEMAS
from app.timelines.problems import FormatCannotHold
from model.data.formats.base import EventFormat
from model.data.formats.events import EventFacts, ExportedVideo
from model.data.formats.registry import FORMATS
from model.data.formats.writing import write_events
from model.errors import CannotWrite

JSON_TYPE = "application/json"
PAGES = "json"  # The list itself answers with pages of event objects.


@dataclass(frozen=True, slots=True)
class Export:
    """A kind of file.

    Attributes:
        form: how it is written.
    """

    form: EventFormat

    @property
    def name(self) -> str:
        """As `format=` takes it."""
        return self.form.name

    @property
    def title(self) -> str:
        """For sentences."""
        return self.form.title

    @property
    def media_type(self) -> str:
        """Of the answer."""
        return self.form.media_type

    @property
    def suffix(self) -> str:
        """Of the file, without a dot."""
        return self.form.suffix

    @property
    def schema(self) -> type[BaseModel] | None:
        """What a JSON file holds; None for text."""
        return SCHEMAS.get(self.name)

    @property
    def path(self) -> str:
        """The last part of its address: `events.csv`, `events.soccernet.json`."""
        own = self.suffix if self.name == self.suffix else f"{self.name}.{self.suffix}"
        return f"events.{own}"

    def documented_answer(self) -> dict[str, Any]:
        """Describe the answer; the route's model tells what JSON holds."""
        described: dict[str, Any] = {
            "description": f"The events, by time, as {self.title}."
        }
        if self.schema is None:
            described["content"] = {self.media_type: {"schema": {"type": "string"}}}
        return described

    def answer(self, events: Sequence[EventFacts], video: ExportedVideo) -> Response:
        """Write the file, named after the video, for the user to save.

        Raises:
            FormatCannotHold: these events cannot be written so; the detail says why.
        """
        try:
            text = write_events(events, video, format=self.name)
        except CannotWrite as exc:
            raise FormatCannotHold(str(exc)) from exc
        filename = quote(f"{video.name}.{self.suffix}", safe="")
        return Response(
            text,
            media_type=self.media_type,
            headers={"content-disposition": f"attachment; filename*=UTF-8''{filename}"},
        )


EXPORTS = {
    name: Export(form)
    for name, form in FORMATS.items()
    if form.write is not None and form.is_installed and name != PAGES
}
