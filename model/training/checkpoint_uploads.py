"""A run's checkpoints in object storage, for machines that may be taken away.

Copies go out in a thread beside the training; the files in the run's folder stay the
truth. Credentials come from the provider's own variables (AWS_ACCESS_KEY_ID, ...).
"""

import json
import os
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightning

from model.errors import TrainingFailed
from model.reporter import Reporter
from model.training.files import write_at_once
from model.training.processes import Launch

CLOSE_TIMEOUT_S = 300.0
SEEN_FILE = "bucket.json"  # which copies a folder's files are of, by their ETags


class CheckpointBucket:
    """The place in object storage where a run keeps its files."""

    def __init__(self, url: str) -> None:
        """Take `s3://bucket/prefix`, `gs://...` or `az://...`.

        Raises:
            TrainingFailed: obstore is not installed, or the URL is none of these.
        """
        try:
            import obstore
            from obstore.store import from_url
        except ImportError as exc:
            raise TrainingFailed(
                "run.checkpoints_to needs obstore: pip install obstore."
            ) from exc
        self.url, self._obstore = url.rstrip("/"), obstore
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        options: Any = {"allow_http": True} if endpoint.startswith("http://") else {}
        try:
            self._store = from_url(self.url, client_options=options)
        except Exception as exc:
            raise TrainingFailed(
                f"run.checkpoints_to cannot be {url!r}: {first_line(exc)}"
            ) from exc

    def put(self, path: Path) -> None:
        """Copy a file there, whole or not at all; a file of that name is replaced."""
        with path.open("rb") as file:
            told = self._obstore.put(self._store, path.name, file)
        self._note(path, told["e_tag"])

    def existing(self, names: tuple[str, ...]) -> str | None:
        """Name a file that is there already, if one is.

        Raises:
            TrainingFailed: the storage does not answer, or refuses.
        """
        for name in names:
            try:
                self._obstore.head(self._store, name)
            except FileNotFoundError:
                continue
            except Exception as exc:
                raise TrainingFailed(
                    f"{self.url}/{name} cannot be looked at: {first_line(exc)}"
                ) from exc
            return name
        return None

    def forget(self, names: tuple[str, ...]) -> None:
        """Delete the files of an earlier run, or a resume would go on with it.

        Raises:
            TrainingFailed: the storage does not answer, or refuses.
        """
        for name in names:
            try:
                self._obstore.delete(self._store, name)
            except FileNotFoundError:
                continue
            except Exception as exc:
                raise TrainingFailed(
                    f"{self.url}/{name} cannot be deleted: {first_line(exc)}"
                ) from exc

    def fetch_newer(self, folder: Path, names: tuple[str, ...]) -> list[str]:
        """Fetch the files that the folder lacks or has in an older state.

        Older is a file whose copy another machine has replaced. Where nothing tells
        which copy it is of, its time decides.

        Returns:
            Their names.

        Raises:
            TrainingFailed: the storage does not answer, or refuses.
        """
        return [name for name in names if self._fetch_if_newer(folder / name)]

    def _fetch_if_newer(self, path: Path) -> bool:
        try:
            found = self._obstore.get(self._store, path.name)
            if path.exists() and not self._is_replaced(path, found.meta):
                return False
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(path.name + ".part")
            with part.open("wb") as file:
                for piece in found.stream():
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())  # What is noted below is not fetched again.
            part.replace(path)
            self._note(path, found.meta["e_tag"])
        except FileNotFoundError:
            return False
        except Exception as exc:
            raise TrainingFailed(
                f"{self.url}/{path.name} cannot be fetched: {first_line(exc)}"
            ) from exc
        return True

    def _is_replaced(self, path: Path, copy: Any) -> bool:
        seen = self._seen(path.parent).get(path.name)
        if seen is None or copy["e_tag"] is None:
            return bool(_modified(path) < copy["last_modified"])
        return bool(copy["e_tag"] != seen)

    def _seen(self, folder: Path) -> dict[str, str]:
        with suppress(OSError, ValueError, LookupError, TypeError):
            return dict(json.loads((folder / SEEN_FILE).read_text())[self.url])
        return {}

    def _note(self, path: Path, e_tag: str | None) -> None:
        if e_tag is None:
            return
        seen = {self.url: {**self._seen(path.parent), path.name: e_tag}}
        write_at_once(path.with_name(SEEN_FILE), json.dumps(seen).encode())


def bucket_at(url: str) -> CheckpointBucket | None:
    """Open the place of a run's copies; an empty URL: there are none."""
    return CheckpointBucket(url) if url else None


def refuse_to_replace_copies(
    bucket: CheckpointBucket | None,
    names: tuple[str, ...],
    launch: Launch,
    *,
    may_replace: bool,
) -> None:
    """Keep a new run from writing over an earlier one's copies; or take those away.

    Raises:
        TrainingFailed: there are some, and they may not be replaced.
    """
    if bucket is None:
        return
    if may_replace:
        if launch.machine == launch.local_rank == 0:
            bucket.forget(names)
    elif name := bucket.existing(names):
        raise TrainingFailed(
            f"{bucket.url} holds {name} of an earlier run: go on with it with "
            "--resume, name another place, or use --force to replace it."
        )


class UploadCheckpoints(lightning.Callback):
    """Copies a run's files to object storage whenever they have changed.

    Only the first process does. A copy that fails is reported and tried again with the
    next change, and once more at the end of the run.
    """

    def __init__(
        self,
        bucket: CheckpointBucket | None,
        folder: Path,
        names: tuple[str, ...],
        *,
        report: Reporter,
    ) -> None:
        """Watch a folder; without a bucket nothing is done."""
        self._bucket, self._folder, self._names = bucket, folder, names
        self._report = report
        self._copied = {name: _stamp(folder / name) for name in names}
        self._failed: dict[str, str] = {}
        self._changed, self._is_closing = threading.Event(), False
        self._thread = threading.Thread(target=self._copy_changes, daemon=True)

    def on_train_start(self, trainer: Any, _module: Any) -> None:
        """Begin to copy."""
        is_wanted = self._bucket is not None and trainer.is_global_zero
        if is_wanted and not self._thread.is_alive():
            self._thread.start()

    def on_train_batch_end(
        self, _trainer: Any, _module: Any, _outputs: Any, _batch: Any, _batch_idx: int
    ) -> None:
        """Have the thread look for changes."""
        self._changed.set()

    def close(self) -> None:
        """Copy what is left.

        Raises:
            TrainingFailed: something could not be copied; it is still in the folder.
        """
        if self._bucket is None or not self._thread.is_alive():
            return
        self._is_closing = True
        self._changed.set()
        self._thread.join(CLOSE_TIMEOUT_S)
        late = {} if not self._thread.is_alive() else {"a file": "no answer in time"}
        if failed := self._failed | late:
            name, why = next(iter(failed.items()))
            raise TrainingFailed(
                f"{name} could not be copied to {self._bucket.url}: {why} It is kept "
                f"in {self._folder}; copy it, or --resume to try again."
            )

    def _copy_changes(self) -> None:
        while True:
            self._changed.wait()
            self._changed.clear()
            is_last = self._is_closing
            for name in self._names:
                self._copy(name)
            if is_last:
                return

    def _copy(self, name: str) -> None:
        path = self._folder / name
        stamp = _stamp(path)
        if self._bucket is None or stamp is None:
            return
        if stamp == self._copied[name] and name not in self._failed:
            return
        try:
            self._bucket.put(path)
        except Exception as exc:  # noqa: BLE001 - stores fail in many ways
            why = first_line(exc)
            if self._failed.get(name) != why:
                self._report(f"{name} was not copied to {self._bucket.url}: {why}")
            self._failed[name] = why
        else:
            self._failed.pop(name, None)
            self._copied[name] = stamp


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


def _modified(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def first_line(exc: Exception) -> str:
    lines = str(exc).splitlines()
    return f"{(lines[0] if lines else type(exc).__name__)[:200].rstrip('.')}."
