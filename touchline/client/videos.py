"""What the client does with videos, their jobs and models."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack
from urllib.parse import quote

from touchline.client.errors import BadAnswer, JobFailed
from touchline.client.reading import read
from touchline.client.records import Format, Half, Job, Model, Team, Video
from touchline.client.transport import Transport
from touchline.client.uploading import OnUpload, upload_file
from touchline.client.waiting import wait_until_final

T = TypeVar("T")
PAGE = 200


def id_of(thing: Any) -> str:
    """Give the id of a record, or the id itself, safe in an address."""
    return quote(thing if isinstance(thing, str) else thing.id, safe="")


class Calls:
    """What every group of calls stands on."""

    _http: Transport

    def _once(self, path: str) -> Any:
        return self._http.json("GET", path, is_retried=False)

    def _pages(self, kind: type[T], path: str, query: dict[str, Any]) -> Iterator[T]:
        return (read(kind, item) for item in self._raw_pages(path, query))

    def _raw_pages(self, path: str, query: dict[str, Any]) -> Iterator[Any]:
        cursor: str | None = None
        while True:
            page = self._http.json("GET", path, query={**query, "cursor": cursor})
            if not isinstance(page, dict) or not isinstance(page.get("items"), list):
                raise BadAnswer(f"{path} is no list with `items`: is this Touchline?")
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return


class VideoFields(TypedDict, total=False):
    """What a video that is brought in may be told with; None is as if left out.

    Attributes:
        callback_url: where to tell what becomes of it.
        model: a name of `models()`, or `none`: no model is to analyse it.
        priority: -10 to 10; higher ones are run first.
    """

    title: str | None
    date: dt.date | None
    competition: str | None
    callback_url: str | None
    model: str | None
    priority: int | None


def fields_of(about: VideoFields) -> dict[str, object]:
    """Write it as the API takes it, without what is None."""
    fields: dict[str, object] = {**about}
    date = about.get("date")
    if date is not None:
        fields["date"] = date.isoformat()
    return {name: value for name, value in fields.items() if value is not None}


class VideoCalls(Calls):
    """Bring videos in, find them, wait for them."""

    def upload(
        self,
        path: str | Path,
        *,
        reuse: bool = False,
        resume: str | None = None,
        on_progress: OnUpload | None = None,
        **about: Unpack[VideoFields],
    ) -> Video:
        """Upload a file; a connection that breaks is resumed where it was.

        Args:
            reuse: give the video that has this very file already, if there is one.
            resume: `UploadStopped.upload` of an earlier try with the same file.
            on_progress: is called with an `UploadProgress` again and again; what it
                raises ends the upload.
            about: see `VideoFields`.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is empty.
            UploadStopped: the service was away for too long; go on with `resume`.
            ApiProblem, NotReachable, FileChanged: see `touchline.client.errors`.
        """
        file = Path(path)
        if reuse:
            found = self.find_file(file)
            if found is not None:
                return found
        fields = fields_of(about)
        return self.video(
            upload_file(
                self._http, file, fields, resume=resume, on_progress=on_progress
            )
        )

    def add_url(self, url: str, **about: Unpack[VideoFields]) -> Video:
        """Have the service fetch a video from a public https address."""
        body = {"url": url, **fields_of(about)}
        return read(Video, self._http.json("POST", "/videos", body=body))

    def video(self, video: Video | str) -> Video:
        """Look at a video."""
        return read(Video, self._http.json("GET", f"/videos/{id_of(video)}"))

    def videos(
        self,
        *,
        q: str | None = None,
        competition: str | None = None,
        team: str | None = None,
        from_date: dt.date | None = None,
        to_date: dt.date | None = None,
        sha256: str | None = None,
    ) -> Iterator[Video]:
        """List videos, the newest first; pages are fetched as they are needed."""
        query = {
            "q": q,
            "competition": competition,
            "team": team,
            "from_date": from_date and from_date.isoformat(),
            "to_date": to_date and to_date.isoformat(),
            "sha256": sha256,
            "limit": PAGE,
        }
        return self._pages(Video, "/videos", query)

    def find_file(self, path: str | Path) -> Video | None:
        """Find the newest video that has the very bytes of a file."""
        with Path(path).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        found = self.videos(sha256=sha256)
        return next((one for one in found if one.dropped_at is None), None)

    def change_video(
        self,
        video: Video,
        *,
        title: str | None = None,
        date: dt.date | None = None,
        competition: str | None = None,
        teams: Sequence[Team] | None = None,
        halves: Sequence[Half] | None = None,
    ) -> Video:
        """Change title and match facts; what is left out stays.

        Raises:
            ChangedMeanwhile: somebody changed them since `video` was read.
        """
        body: dict[str, Any] = {
            "title": title,
            "date": date and date.isoformat(),
            "competition": competition,
            "teams": teams
            and [
                {"name": one.name, "colour": one.colour, "side": one.side}
                for one in teams
            ],
            "halves": halves
            and [
                {
                    "start_s": one.start_s,
                    "end_s": one.end_s,
                    "clock_start_s": one.clock_start_s,
                }
                for one in halves
            ],
        }
        changed = self._http.json(
            "PATCH",
            f"/videos/{id_of(video)}",
            body={name: value for name, value in body.items() if value is not None},
            headers={"if-match": f'"{video.facts_version}"'},
        )
        return read(Video, changed)

    def delete_video(self, video: Video | str) -> None:
        """Delete a video with its file, its events and its clips."""
        self._http.send("DELETE", f"/videos/{id_of(video)}")

    def wait(
        self,
        video: Video | str,
        *,
        timeout_s: float | None = 3600,
        on_progress: Callable[[Video], object] | None = None,
    ) -> Video:
        """Wait until a video's job has ended, and give the video as it then is.

        Args:
            timeout_s: the longest to wait; None: without end.
            on_progress: is called with the video whenever it was looked at.

        Raises:
            JobFailed: it failed, or was canceled.
            WaitTimeout: it has not ended in time; the job goes on.
        """
        found = wait_until_final(
            lambda: read(Video, self._once(f"/videos/{id_of(video)}")),
            what=f"the job of the video {id_of(video)}",
            timeout_s=timeout_s,
            on_progress=on_progress,
        )
        if found.status != "succeeded":
            raise _failed(found.job, f"the video {found.filename or found.id}")
        return found

    def analyse(self, video: Video | str, *, model: str | None = None) -> Job:
        """Run a model over a video once more; the old timeline stays until then."""
        body = {} if model is None else {"model": model}
        path = f"/videos/{id_of(video)}/jobs"
        return read(Job, self._http.json("POST", path, body=body))

    def job(self, job: Job | str) -> Job:
        """Look at a job."""
        return read(Job, self._http.json("GET", f"/jobs/{id_of(job)}"))

    def jobs(self, video: Video | str, *, kind: str | None = None) -> Iterator[Job]:
        """List a video's jobs, the newest first: analyses, or those of a kind."""
        query = {"kind": kind, "limit": PAGE}
        return self._pages(Job, f"/videos/{id_of(video)}/jobs", query)

    def wait_job(
        self,
        job: Job | str,
        *,
        timeout_s: float | None = 3600,
        on_progress: Callable[[Job], object] | None = None,
    ) -> Job:
        """Wait until a job has ended; raises what `wait` does."""
        found = wait_until_final(
            lambda: read(Job, self._once(f"/jobs/{id_of(job)}")),
            what=f"the job {id_of(job)}",
            timeout_s=timeout_s,
            on_progress=on_progress,
        )
        if found.status != "succeeded":
            raise _failed(found, f"the job {found.id}")
        return found

    def cancel(self, job: Job | str) -> Job:
        """Cancel a job that waits or runs."""
        return read(Job, self._http.json("POST", f"/jobs/{id_of(job)}/cancel"))

    def models(self) -> list[Model]:
        """List the checkpoints that the service can run."""
        return list(self._pages(Model, "/models", {}))

    def formats(self) -> list[Format]:
        """List the kinds of files that `export` writes."""
        return list(self._pages(Format, "/formats", {}))


def _failed(job: Job, what: str) -> JobFailed:
    why = f": {job.error.detail} ({job.error.code})" if job.error else ""
    return JobFailed(f"{what} ended as {job.status}{why}", job)
