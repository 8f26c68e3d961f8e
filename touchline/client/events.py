"""What the client does with events: list, correct, count, export, import."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from touchline.client.downloading import new_file
from touchline.client.made_records import ImportReport
from touchline.client.reading import read
from touchline.client.records import Video
from touchline.client.timeline_records import (
    Attribute,
    State,
    Statistics,
    Step,
    TimelineEvent,
)
from touchline.client.videos import Calls, id_of

PAGE = 1000
AnyState = State | Literal["all"]
Attributes = Mapping[str, Attribute | None]


class EventCalls(Calls):
    """Timelines, and what people say of them."""

    _author: str | None

    def events(
        self,
        video: Video | str,
        *,
        type: str | Sequence[str] = (),  # as the API calls it
        team: str | Sequence[str] = (),
        state: AnyState | Sequence[AnyState] = (),
        min_score: float | None = None,
        from_s: float | None = None,
        to_s: float | None = None,
        source: Literal["all", "model", "human"] | None = None,
    ) -> Iterator[TimelineEvent]:
        """List the events of a video by time; pages are fetched as they are needed.

        Args:
            state: left out: all but rejected.
            min_score: of suggestions; what a person decided stays.

        Raises:
            Conflict: there is no timeline yet (`no-timeline`); `wait` first.
        """
        query = {
            "type": several(type),
            "team": several(team),
            "state": several(state),
            "min_score": min_score,
            "from_s": from_s,
            "to_s": to_s,
            "source": source,
            "limit": PAGE,
        }
        return self._pages(TimelineEvent, f"/videos/{id_of(video)}/events", query)

    def event(self, video: Video | str, event: TimelineEvent | str) -> TimelineEvent:
        """Look at an event as it is now."""
        return read(TimelineEvent, self._http.json("GET", _place(video, event)))

    def add_event(
        self,
        video: Video | str,
        type: str,  # as the API calls it
        *,
        time_s: float | None = None,
        frame: int | None = None,
        attributes: Attributes | None = None,
    ) -> TimelineEvent:
        """Add an event at a time or a frame; `attributes` may name team and player."""
        return self._correct(
            "POST",
            f"/videos/{id_of(video)}/events",
            type=type,
            time_s=time_s,
            frame=frame,
            attributes=attributes,
        )

    def accept(self, video: Video | str, event: TimelineEvent | str) -> TimelineEvent:
        """Say that an event is right.

        Raises:
            ChangedMeanwhile: somebody decided it since `event` was read; the message's
                `document["current"]` is what they made of it. So for the next two.
        """
        return self._decide(video, event, state="accepted")

    def reject(self, video: Video | str, event: TimelineEvent | str) -> TimelineEvent:
        """Say that there is no such event."""
        return self._decide(video, event, state="rejected")

    def edit(
        self,
        video: Video | str,
        event: TimelineEvent | str,
        *,
        type: str | None = None,  # as the API calls it
        time_s: float | None = None,
        frame: int | None = None,
        attributes: Attributes | None = None,
    ) -> TimelineEvent:
        """Change an event; what is left out stays, an attribute of None goes."""
        return self._decide(
            *(video, event),
            type=type,
            time_s=time_s,
            frame=frame,
            attributes=attributes,
        )

    def reset(self, video: Video | str, event: TimelineEvent | str) -> TimelineEvent:
        """Take a decision back: the event is what the model said again."""
        return self._decide(video, event, state="suggested")

    def undo(self, video: Video | str) -> Step:
        """Take back your last step in a video.

        Raises:
            Conflict: there is none, or somebody else changed its events since.
        """
        path = f"/videos/{id_of(video)}/events/undo"
        return read(Step, self._http.json("POST", path, headers=self._signed()))

    def redo(self, video: Video | str) -> Step:
        """Do again what `undo` took back."""
        path = f"/videos/{id_of(video)}/events/redo"
        return read(Step, self._http.json("POST", path, headers=self._signed()))

    def statistics(
        self, video: Video | str, *, compared_with: Video | str | None = None
    ) -> Statistics:
        """Count the events of a match, and compare it with another if one is named."""
        query = {"with": None if compared_with is None else id_of(compared_with)}
        path = f"/videos/{id_of(video)}/statistics"
        said = self._http.json("GET", path, query=query)
        return read(Statistics, {**said, "raw": said})

    def export(
        self,
        video: Video | str,
        format: str,  # as the API calls it
        path: str | Path | None = None,
        *,
        overwrite: bool = False,
        type: str | Sequence[str] = (),
        team: str | Sequence[str] = (),
        state: AnyState | Sequence[AnyState] = (),
        min_score: float | None = None,
        lead_s: float | None = None,
        lag_s: float | None = None,
        provenance: bool = False,
        halves: Literal["facts", "none"] | None = None,
    ) -> bytes:
        """Give a timeline as a file of another program, and write it to `path`.

        Args:
            format: a name of `formats()`: `csv`, `sportscode`, `osl`, ...; or `json`,
                the API's own list of events, whole.
            lead_s, lag_s: of formats whose events have a length.
            provenance: tell which model, thresholds and people the events come from,
                as far as the format can (`Format.provenance`).
            halves: from where SoccerNet's files count: `facts`, the kick-off of each
                half where it is known, or `none`, the start of the video.

        Raises:
            FileExistsError: the file exists, and `overwrite` is not given.
            InvalidRequest: there is no such format.
        """
        query = {
            "format": format,
            "type": several(type),
            "team": several(team),
            "state": several(state),
            "min_score": min_score,
            "lead_s": lead_s,
            "lag_s": lag_s,
            "provenance": True if provenance else None,
            "halves": halves,
        }
        if path is not None and Path(path).exists() and not overwrite:
            with new_file(Path(path), overwrite=False):  # which says so
                pass
        address = f"/videos/{id_of(video)}/events"
        if format == "json":
            content = self._whole_list(address, {**query, "limit": PAGE})
        else:
            content = bytes(self._http.send("GET", address, query=query).content)
        if path is not None:
            with new_file(Path(path), overwrite=overwrite) as file:
                file.write(content)
        return content

    def import_events(
        self,
        video: Video | str,
        file: str | Path | bytes,
        *,
        preview: bool = False,
        format: str | None = None,  # as the API calls it
        offset_s: float = 0.0,
        rename: Mapping[str, str] | None = None,
        skip_bad: bool = False,
        tolerance_s: float | None = None,
        **answers: str | float,
    ) -> ImportReport:
        """Take over a file of another program as your corrections, in one undo step.

        Args:
            file: a path, or what is in it.
            preview: only tell what the import would do.
            format: left out: told by the content.
            offset_s: is added to all times.
            rename: types of the file, and what they are here.
            skip_bad: leave out what cannot be taken over; else nothing is, then.
            tolerance_s: an event of the same type so near is there already.
            answers: to what the file leaves open, as the API names it: `time_format`,
                `fps`, `half`, `halves`, `lead_in_s`, `encoding`, `delimiter`, ...

        Raises:
            OSError: the file cannot be read.
            ApiProblem: it cannot be taken over (`import-incomplete`, with a `report`),
                or can be read in two ways (`ambiguous-events`).
        """
        query = {
            **answers,
            "preview": True if preview else None,
            "format": format,
            "offset_s": offset_s or None,
            "rename": tuple(f"{old}={new}" for old, new in (rename or {}).items()),
            "skip_bad": True if skip_bad else None,
            "tolerance_s": tolerance_s,
        }
        said = self._http.json(
            "POST",
            f"/videos/{id_of(video)}/events:import",
            query=query,
            content=file if isinstance(file, bytes) else Path(file).read_bytes(),
            headers={**self._signed(), "content-type": "application/octet-stream"},
        )
        return read(ImportReport, said)

    def _whole_list(self, address: str, query: dict[str, Any]) -> bytes:
        items = list(self._raw_pages(address, query))
        document: dict[str, Any] = {"items": items, "next_cursor": None}
        if query["provenance"]:
            told = self._http.json("GET", address, query=query)
            document["provenance"] = told.get("provenance")
        return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"

    def _decide(
        self, video: Video | str, event: TimelineEvent | str, **change: Any
    ) -> TimelineEvent:
        seen = {}
        if isinstance(event, TimelineEvent):
            seen = {"if-match": f'"{event.version}"'}
        return self._correct("PATCH", _place(video, event), seen, **change)

    def _correct(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        **change: Any,
    ) -> TimelineEvent:
        if isinstance(change.get("attributes"), Mapping):
            change["attributes"] = dict(change["attributes"])
        body = {name: value for name, value in change.items() if value is not None}
        sent = {**self._signed(), **(headers or {})}
        return read(
            TimelineEvent, self._http.json(method, path, body=body, headers=sent)
        )

    def _signed(self) -> dict[str, str]:
        return {} if self._author is None else {"touchline-author": self._author}


def _place(video: Video | str, event: TimelineEvent | str) -> str:
    return f"/videos/{id_of(video)}/events/{id_of(event)}"


def several(value: str | Sequence[str]) -> tuple[str, ...]:
    """Give the values of a parameter that may be given several times."""
    return (value,) if isinstance(value, str) else tuple(value)
