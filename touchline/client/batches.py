"""What the client does with batches: ask for them, follow them, load their events."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from touchline.client.batch_records import Batch, BatchItem, ItemState
from touchline.client.downloading import download, new_file
from touchline.client.reading import read
from touchline.client.videos import VideoCalls, id_of
from touchline.client.waiting import wait_until_final

BatchForm = Literal["parquet", "csv", "jsonl"]
ITEMS_AT_ONCE = 500
ITEMS_PAGE = 500


class BatchParameters(TypedDict, total=False):
    """How a batch is run; what is left out is as in the API.

    Attributes:
        model: a name of `models()`; left out: the default one.
        again: analyse also what this model has analysed already.
        priority: -10 to -1; -5.
        name: for people.
        callback_url: is told of the end.
    """

    model: str | None
    again: bool
    priority: int
    name: str | None
    callback_url: str | None


class BatchCalls(VideoCalls):
    """Many videos with one model, behind what is uploaded meanwhile."""

    def create_batch(
        self,
        items: Sequence[Mapping[str, str]] | None = None,
        *,
        bucket: str | None = None,
        imports: str | None = None,
        is_open: bool = False,
        request_key: str | None = None,
        **how: Unpack[BatchParameters],
    ) -> Batch:
        """Ask for a batch of videos: of a bucket, of a folder of imports, or named.

        Args:
            items: up to 1000, each with `url`, `import` or `video`, and maybe `title`.
            bucket: `s3://bucket/prefix`; each video file there is an item.
            imports: a folder in the service's folder of imports; empty: all of it.
            is_open: more items will come by `add_to_batch`.
            request_key: names this request; with it a second one makes nothing new.
            how: see `BatchParameters`.

        Raises:
            InvalidRequest: it names what cannot be used.
        """
        wanted: dict[str, Any] = {
            "items": None if items is None else [dict(one) for one in items],
            "bucket": bucket,
            "imports": imports,
            "open": is_open or None,
            **how,
        }
        body = {name: value for name, value in wanted.items() if value is not None}
        headers = {} if request_key is None else {"idempotency-key": request_key}
        answer = self._http.json("POST", "/batches", body=body, headers=headers)
        return read(Batch, answer)

    def add_to_batch(
        self,
        batch: Batch | str,
        items: Sequence[Mapping[str, str]],
        *,
        is_last: bool = False,
    ) -> Batch:
        """Add items to an open batch; those that it has are not added again.

        Raises:
            Conflict: it takes no more items.
        """
        path, rest = f"/batches/{id_of(batch)}/items", list(items)
        while True:
            part, rest = rest[:ITEMS_AT_ONCE], rest[ITEMS_AT_ONCE:]
            body = {"items": [dict(one) for one in part], "last": is_last and not rest}
            answer = self._http.json("POST", path, body=body)
            if not rest:
                return read(Batch, answer["batch"])

    def batch(self, batch: Batch | str) -> Batch:
        """Look at a batch, with what failed in it."""
        return read(Batch, self._http.json("GET", f"/batches/{id_of(batch)}"))

    def batches(self) -> Iterator[Batch]:
        """List the project's batches, the newest first."""
        return self._pages(Batch, "/batches", {"limit": 100})

    def batch_items(
        self,
        batch: Batch | str,
        *,
        state: ItemState | Sequence[ItemState] = (),
        code: str | Sequence[str] = (),
    ) -> Iterator[BatchItem]:
        """List the items of a batch, in its order.

        Args:
            state: only those; `queued` has what runs, too.
            code: only those that failed with it.
        """
        query = {
            "state": [state] if isinstance(state, str) else list(state),
            "code": [code] if isinstance(code, str) else list(code),
            "limit": ITEMS_PAGE,
        }
        return self._pages(BatchItem, f"/batches/{id_of(batch)}/items", query)

    def cancel_batch(self, batch: Batch | str) -> Batch:
        """Cancel a batch; it can be resumed once it has stopped.

        Raises:
            Conflict: it has ended.
        """
        return read(Batch, self._http.json("POST", f"/batches/{id_of(batch)}/cancel"))

    def delete_batch(self, batch: Batch | str) -> None:
        """Delete a batch that has ended, with its items; videos and events stay.

        Raises:
            Conflict: it has not ended: cancel it first.
        """
        self._http.send("DELETE", f"/batches/{id_of(batch)}")

    def retry_batch(self, batch: Batch | str, *, codes: Sequence[str] = ()) -> Batch:
        """Try again what failed, all of it or what failed with one of some codes."""
        path = f"/batches/{id_of(batch)}/retry"
        answer = self._http.json("POST", path, body={"codes": list(codes)})
        return read(Batch, answer["batch"])

    def resume_batch(self, batch: Batch | str) -> Batch:
        """Go on with a batch that was canceled, or whose source could not be listed."""
        answer = self._http.json("POST", f"/batches/{id_of(batch)}/resume")
        return read(Batch, answer["batch"])

    def wait_batch(
        self,
        batch: Batch | str,
        *,
        timeout_s: float | None = None,
        away_s: float | None = None,
        on_progress: Callable[[Batch], object] | None = None,
    ) -> Batch:
        """Wait until a batch has ended, well or not; see its `status` and `counts`.

        Args:
            timeout_s: the longest to wait; None: without end.
            away_s: the longest that the service may be away; None: without end.
            on_progress: is called with the batch whenever it was looked at.

        Raises:
            WaitTimeout: it has not ended in time; it goes on.
            NotReachable, ServiceProblem: the service has been away for too long.
        """
        return wait_until_final(
            lambda: read(Batch, self._once(f"/batches/{id_of(batch)}")),
            what=f"the batch {id_of(batch)}",
            timeout_s=timeout_s,
            away_s=away_s,
            on_progress=on_progress,
        )

    def download_batch_events(
        self,
        batch: Batch | str,
        path: str | Path,
        *,
        form: BatchForm = "parquet",
        overwrite: bool = False,
    ) -> Path:
        """Write the events of all videos that are analysed to a file.

        Raises:
            FileExistsError: the file exists, and `overwrite` is not given.
            ServiceProblem: the service cannot write Parquet.
        """
        target = Path(path)
        with new_file(target, overwrite=overwrite) as file:
            download(self._http, f"/batches/{id_of(batch)}/events.{form}", file)
        return target
