"""What the client does with reports: ask for them, wait, load them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from touchline.client.downloading import download, new_file
from touchline.client.made_records import Report
from touchline.client.reading import read
from touchline.client.records import Video
from touchline.client.videos import VideoCalls, id_of
from touchline.client.waiting import wait_until_made


class ReportCalls(VideoCalls):
    """Reports of a match: one HTML file each, for people without Touchline."""

    def create_report(
        self,
        video: Video | str,
        *,
        key_types: Sequence[str] = (),
        stills: int | None = None,
        only_confirmed: bool = False,
        changes_ends: bool = False,
    ) -> Report:
        """Ask for a report of the timeline as it is now.

        Args:
            key_types: of events that are shown by stills; none: goals, shots,
                penalties and cards or, if none is there, the rarest type.
            stills: at most; None: as many as the service takes by itself.
            only_confirmed: leave out what no person accepted, changed or added.
            changes_ends: `left` and `right` are other teams in the second half.
        """
        wanted = {
            "key_types": list(key_types),
            "only_confirmed": only_confirmed,
            "changes_ends": changes_ends,
            **({} if stills is None else {"stills": stills}),
        }
        path = f"/videos/{id_of(video)}/reports"
        return read(Report, self._http.json("POST", path, body=wanted))

    def report(self, report: Report | str) -> Report:
        """Look at a report."""
        return read(Report, self._http.json("GET", f"/reports/{id_of(report)}"))

    def reports(self, video: Video | str) -> Iterator[Report]:
        """List a video's reports, the newest first."""
        return self._pages(Report, f"/videos/{id_of(video)}/reports", {"limit": 200})

    def wait_report(
        self,
        report: Report | str,
        *,
        timeout_s: float | None = 3600,
        on_progress: Callable[[Report], object] | None = None,
    ) -> Report:
        """Wait until a report is made.

        Raises:
            JobFailed: it failed, or was canceled.
            WaitTimeout: it has not ended in time; its making goes on.
        """
        return wait_until_made(
            lambda: read(Report, self._once(f"/reports/{id_of(report)}")),
            what=f"the report {id_of(report)}",
            timeout_s=timeout_s,
            on_progress=on_progress,
            job_of=self.job,
        )

    def download_report(
        self, report: Report | str, path: str | Path, *, overwrite: bool = False
    ) -> Path:
        """Write a report that is made to a file.

        Raises:
            FileExistsError: the file exists, and `overwrite` is not given.
            Conflict: it is not made yet.
        """
        target = Path(path)
        with new_file(target, overwrite=overwrite) as file:
            download(self._http, f"/reports/{id_of(report)}/file", file)
        return target

    def delete_report(self, report: Report | str) -> None:
        """Delete a report; what is not made yet is canceled."""
        self._http.send("DELETE", f"/reports/{id_of(report)}")
