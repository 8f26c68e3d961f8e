"""The files a list of events can be had as. A new one is an entry of EXPORTS.

Each has a path of its own, which documents the one media type it answers with, and can
be had by `format=` of the list as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import Response
from pydantic import BaseModel

from app.timelines.schemas import SoccerNetPredictions
from model.spotting.formats import EventFacts, to_csv, to_soccernet


@dataclass(frozen=True, slots=True)
class ExportedVideo:
    """What a file may tell of the video.

    Attributes:
        name: its title, the name of its file, or its id.
        fps: frames per second; None if unknown.
    """

    name: str
    fps: float | None


@dataclass(frozen=True, slots=True)
class Export:
    """A kind of file.

    Attributes:
        name: as `format=` takes it.
        title: for sentences.
        media_type: of the answer.
        suffix: of the file, without a dot.
        write: makes the text of a file.
        schema: what a JSON file holds; None for text.
    """

    name: str
    title: str
    media_type: str
    suffix: str
    write: Callable[[Sequence[EventFacts], ExportedVideo], str]
    schema: type[BaseModel] | None = None

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
        """Write the file, named after the video, for the user to save."""
        filename = quote(f"{video.name}.{self.suffix}", safe="")
        return Response(
            self.write(events, video),
            media_type=self.media_type,
            headers={"content-disposition": f"attachment; filename*=UTF-8''{filename}"},
        )


EXPORTS = {
    export.name: export
    for export in (
        Export(
            name="csv",
            title="a table (CSV)",
            media_type="text/csv",
            suffix="csv",
            write=lambda events, _: to_csv(events),
        ),
        Export(
            name="soccernet",
            title="SoccerNet's results_spotting.json",
            media_type="application/json",
            suffix="json",
            write=lambda events, video: to_soccernet(
                events, name=video.name, fps=video.fps
            ),
            schema=SoccerNetPredictions,
        ),
    )
}
