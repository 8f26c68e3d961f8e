"""A batch from a source to a table of events, by the API of a service; can go on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from touchline.batching.failures import NotSent, write_failures
from touchline.batching.manifest import Item, read_manifest
from touchline.batching.state import BatchState, alone_with, load_state, state_path
from touchline.client.batch_records import Batch
from touchline.client.batches import BatchForm
from touchline.client.client import Client
from touchline.client.errors import FileChanged, InvalidRequest, NotFound
from touchline.client.uploading import UploadProgress
from touchline.watching.scan import find_videos

AWAY_S = 900.0  # the service, while its batch is waited for
AT_ONCE = 200  # items of a manifest sent together
# What is wrong with one file; the others may go well.
OF_THE_FILE = (OSError, ValueError, FileChanged, InvalidRequest)
BUCKETS = ("s3://", "gs://", "az://")
IMPORTS = "imports:"
FORMS: Mapping[str, BatchForm] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
}


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """What is to be done.

    Attributes:
        source: a bucket, `imports:FOLDER`, a folder here, or a manifest.
        out: where the events go; its suffix tells the format.
        failures: where the report of failures goes.
        retry_failed: try again what failed in an earlier run.
        overwrite: replace `out` and `failures`.
    """

    source: str
    out: Path
    failures: Path
    model: str | None = None
    priority: int = -5
    name: str | None = None
    again: bool = False
    retry_failed: bool = False
    overwrite: bool = False

    @property
    def asked(self) -> dict[str, object]:
        """What makes a batch another one."""
        return {
            "source": self.source,
            "model": self.model,
            "priority": self.priority,
            "again": self.again,
        }


class BatchRun:
    """Starts the batch of an output, or goes on with it; see `run`.

    Args:
        tell: is called with each line for people.
        show: is called with the batch whenever it was looked at.
        show_upload: is called while a file of a folder is sent.

    Attributes:
        not_sent: files of a folder that the service has not got; another run of the
            same command begins a new batch, and tries them again.
    """

    def __init__(
        self,
        client: Client,
        options: BatchOptions,
        tell: Callable[[str], object],
        show: Callable[[Batch], object],
        show_upload: Callable[[str, UploadProgress], object],
    ) -> None:
        self._client, self._options = client, options
        self._tell, self._show, self._show_upload = tell, show, show_upload
        self.not_sent: list[NotSent] = []

    def run(self) -> Batch:
        """Bring the batch to its end and write its events, and what failed.

        Returns:
            The batch as it ended.

        Raises:
            OtherBatch, BadManifest: see there.
            ClientError: the service is away or refuses something; the batch goes on.
            OSError: a file cannot be read or written.
        """
        with alone_with(self._options.out):
            return self._run()

    def _run(self) -> Batch:
        options = self._options
        state = load_state(
            *(options.out, self._client.url, options.asked),
            is_retry=options.retry_failed,
        )
        batch = self._batch_of(state)
        if batch.status == "open":
            batch = self._send_items(batch)
        batch = self._client.wait_batch(batch, away_s=AWAY_S, on_progress=self._show)
        self._write(batch, state)
        return batch

    def _batch_of(self, state: BatchState) -> Batch:
        """Find the batch of an earlier run and let it go on, or ask for one."""
        found = self._earlier(state)
        if found is None:
            state.save(state_path(self._options.out))
            found = self._start(state.request_key)
            state.batch_id = found.id
            state.save(state_path(self._options.out))
            self._tell(f"batch {found.id} with the model {found.model}")
            return found
        self._tell(f"going on with batch {found.id}")
        if state.is_written:  # until what is tried again has been written, too
            state.is_written = False
            state.save(state_path(self._options.out))
        if found.status in ("canceled", "failed"):
            found = self._client.resume_batch(found)
        if self._options.retry_failed and found.counts.failed:
            found = self._client.retry_batch(found)
        return found

    def _earlier(self, state: BatchState) -> Batch | None:
        if state.batch_id is None:
            return None
        try:
            return self._client.batch(state.batch_id)
        except NotFound:
            return None

    def _start(self, request_key: str) -> Batch:
        options = self._options
        source, bucket, imports = options.source, None, None
        if source.startswith(BUCKETS):
            bucket = source
        elif source.startswith(IMPORTS):
            imports = source.removeprefix(IMPORTS)
        is_named = bucket is None and imports is None
        return self._client.create_batch(
            [] if is_named else None,
            bucket=bucket,
            imports=imports,
            is_open=is_named,
            request_key=request_key,
            model=options.model,
            again=options.again,
            priority=options.priority,
            name=options.name,
        )

    def _send_items(self, batch: Batch) -> Batch:
        """Name the items; those that an earlier run named are not added again."""
        source = Path(self._options.source)
        items = self._uploaded(source) if source.is_dir() else read_manifest(source)
        while page := list(islice(items, AT_ONCE)):
            self._client.add_to_batch(batch, page)
        return self._client.add_to_batch(batch, [], is_last=True)

    def _uploaded(self, folder: Path) -> Iterator[Item]:
        """Bring files to the service; one that cannot be sent is noted."""
        for path in find_videos(folder, recursive=True):
            try:
                yield self._upload(folder, path)
            except OF_THE_FILE as problem:
                self.not_sent.append(NotSent(folder / path, str(problem)))
                self._tell(f"{folder / path} is left out: {problem}")

    def _upload(self, folder: Path, path: str) -> Item:
        """Bring a file to the service, unless it has it already."""
        video = self._client.upload(
            folder / path,
            model="none",
            priority=self._options.priority,
            reuse=True,
            on_progress=lambda progress: self._show_upload(path, progress),
        )
        return {"video": video.id}

    def _write(self, batch: Batch, state: BatchState) -> None:
        options = self._options
        self._client.download_batch_events(
            batch,
            options.out,
            form=FORMS[options.out.suffix.lower()],
            overwrite=options.overwrite,
        )
        failed = write_failures(
            self._client.batch_items(batch, state="failed"),
            options.failures,
            not_sent=self.not_sent,
            overwrite=options.overwrite,
        )
        is_done = not failed and batch.status == "completed"
        if is_done or self.not_sent:
            state_path(options.out).unlink(missing_ok=True)
        elif batch.status == "completed":
            state.is_written = True
            state.save(state_path(options.out))


def form_of(out: Path) -> BatchForm | None:
    """Tell the format of an output by its suffix; None: there is none of that name."""
    return FORMS.get(out.suffix.lower())


def count_items(source: str) -> int | None:
    """Count the videos of a folder or a manifest here; None: it lies elsewhere.

    Raises:
        BadManifest, OSError: it cannot be read.
    """
    if source.startswith((*BUCKETS, IMPORTS)):
        return None
    path = Path(source)
    found = find_videos(path, recursive=True) if path.is_dir() else read_manifest(path)
    return sum(1 for _ in found)
