"""What the client does with clips: ask for them, wait, load them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from touchline.client.downloading import download, new_file
from touchline.client.events import AnyState, several
from touchline.client.made_records import Clip
from touchline.client.reading import read
from touchline.client.records import Video
from touchline.client.timeline_records import FoundEvent, FoundSequence, TimelineEvent
from touchline.client.videos import VideoCalls, id_of
from touchline.client.waiting import wait_until_made


class ClipParameters(TypedDict, total=False):
    """How clips are made; what is left out is as in the API.

    Attributes:
        lead_s, lag_s: how long before and after an event; 5 and 3.
        merge: clips that overlap become one.
        mode: `exact`, `smart` (only borders are encoded) or `copy` (from key frames).
        captions: what is written over the pictures.
        provenance: the files tell where the events come from.
    """

    lead_s: float
    lag_s: float
    merge: bool
    order: Literal["time", "score"]
    form: Literal["reel", "zip", "playlist"]
    mode: Literal["exact", "smart", "copy"]
    captions: Sequence[Literal["type", "clock", "teams"]]
    provenance: bool


class ClipCalls(VideoCalls):
    """Highlights of a match."""

    def create_clip(
        self,
        video: Video | str,
        *,
        events: Sequence[TimelineEvent | str] = (),
        types: Sequence[str] = (),
        teams: Sequence[str] = (),
        state: AnyState | Sequence[AnyState] = (),
        min_score: float | None = None,
        **how: Unpack[ClipParameters],
    ) -> Clip:
        """Ask for highlights of these events, or of those that a filter finds.

        Args:
            state: left out: all but rejected.
            how: see `ClipParameters`.

        Raises:
            ValueError: both events and a filter are given.
        """
        chosen = {
            "type": list(types),
            "team": list(teams),
            "state": list(several(state)),
            "min_score": min_score,
        }
        given = {name: one for name, one in chosen.items() if one not in ([], None)}
        if events and given:
            raise ValueError("give either events or a filter")
        wanted = _wanted(how)
        if events:
            wanted["event_ids"] = [id_of(one) for one in events]
        else:
            wanted["filter"] = given
        path = f"/videos/{id_of(video)}/clips"
        return read(Clip, self._http.json("POST", path, body=wanted))

    def clip_matches(
        self,
        hits: Iterable[FoundEvent | FoundSequence] = (),
        *,
        search_id: str | None = None,
        **how: Unpack[ClipParameters],
    ) -> Clip:
        """Ask for highlights of several matches.

        Args:
            hits: of `search`; one cut shows a sequence, whatever lies between.
            search_id: of a saved search, whose first hits are taken, in place of hits.
            how: see `ClipParameters`; of several matches all is encoded anew.

        Raises:
            ValueError: both hits and a search are given, or neither.
        """
        named = [_named(hit) for hit in hits]
        if bool(named) == (search_id is not None):
            raise ValueError("give either hits or a search_id")
        wanted = _wanted(how)
        wanted |= {"events": named} if named else {"search_id": search_id}
        return read(Clip, self._http.json("POST", "/clips", body=wanted))

    def clip(self, clip: Clip | str) -> Clip:
        """Look at a clip."""
        return read(Clip, self._http.json("GET", f"/clips/{id_of(clip)}"))

    def clips(self, video: Video | str | None = None) -> Iterator[Clip]:
        """List a video's clips, or all of the project, the newest first."""
        path = "/clips" if video is None else f"/videos/{id_of(video)}/clips"
        return self._pages(Clip, path, {"limit": 200})

    def wait_clip(
        self,
        clip: Clip | str,
        *,
        timeout_s: float | None = 3600,
        on_progress: Callable[[Clip], object] | None = None,
    ) -> Clip:
        """Wait until a clip is rendered.

        Raises:
            JobFailed: it failed, or was canceled.
            WaitTimeout: it has not ended in time; the rendering goes on.
        """
        return wait_until_made(
            lambda: read(Clip, self._once(f"/clips/{id_of(clip)}")),
            what=f"the clip {id_of(clip)}",
            timeout_s=timeout_s,
            on_progress=on_progress,
            job_of=self.job,
        )

    def download_clip(
        self, clip: Clip | str, path: str | Path, *, overwrite: bool = False
    ) -> Path:
        """Write a clip that is rendered to a file.

        Raises:
            FileExistsError: the file exists, and `overwrite` is not given.
            Conflict: it is not rendered yet.
        """
        target = Path(path)
        with new_file(target, overwrite=overwrite) as file:
            download(self._http, f"/clips/{id_of(clip)}/file", file)
        return target

    def delete_clip(self, clip: Clip | str) -> None:
        """Delete a clip; what is not rendered yet is canceled."""
        self._http.send("DELETE", f"/clips/{id_of(clip)}")


def _wanted(how: ClipParameters) -> dict[str, Any]:
    wanted: dict[str, Any] = {**how}
    if "captions" in how:
        wanted["captions"] = dict.fromkeys(how["captions"], True)
    return wanted


def _named(hit: FoundEvent | FoundSequence) -> dict[str, Any]:
    if isinstance(hit, FoundEvent):
        return {"video_id": hit.video.id, "event_id": hit.id}
    return {"video_id": hit.video.id, "event_ids": [one.id for one in hit.events]}
