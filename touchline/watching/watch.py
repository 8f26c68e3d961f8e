"""A folder is watched: each new match is uploaded, its timeline is written beside it.

`match.mp4` gets `match.mp4.csv`. A file is taken once it has stopped growing; what the
service has already is not sent again. Whatever ends a watch, the next one goes on.
"""

import errno
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from touchline.client.client import Client
from touchline.client.downloading import new_file
from touchline.client.errors import (
    ApiProblem,
    ClientError,
    FileChanged,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    NotReachable,
    ServiceProblem,
    TooManyRequests,
    UploadStopped,
)
from touchline.client.records import Job
from touchline.client.uploading import UploadProgress
from touchline.watching.matches import Match, grouped, single
from touchline.watching.options import WatchOptions
from touchline.watching.parts import bring_parts
from touchline.watching.scan import Settling, Stamp, find_videos
from touchline.watching.state import FileState, WatchState

# What every file would meet; anything else is told of one file, and others go on.
STOPPING = (NotAuthenticated, NotAllowed)
AWAY = (NotReachable, UploadStopped, ServiceProblem, TooManyRequests)
FULL = (errno.ENOSPC, errno.EDQUOT)
JOIN = "join"  # the kind of job before which a joined match is not analysed
BUG = 500  # the service's, with this file
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 2.0, 60.0


@dataclass(slots=True)
class FolderWatch:
    """A watch of one folder; `run` it.

    Attributes:
        tell: takes a line for the user.
        show: takes the progress of the upload under way.
        problems: of the files that could not be done, by path.
    """

    client: Client
    options: WatchOptions
    tell: Callable[[str], object]
    show: Callable[[str, UploadProgress], object] = lambda _path, _progress: None
    problems: dict[str, str] = field(default_factory=dict)
    _state: WatchState = field(init=False)
    _settling: Settling = field(init=False)
    _tried: dict[str, Stamp] = field(default_factory=dict)
    _suffixes: dict[str, str] = field(default_factory=dict)
    _missed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._state = WatchState(self.options.folder, self.client.url)
        self._settling = Settling(self.options.settle_s)

    def run(
        self, *, once: bool = False, is_stopped: Callable[[], bool] = lambda: False
    ) -> None:
        """Watch until the program is ended, or once: until all there is is done.

        A service that is away, or a disk that is full, is waited for, more and more
        patiently; once, it is not.

        Args:
            is_stopped: is looked at before each round.

        Raises:
            KeyboardInterrupt: it is stopped.
            NotAuthenticated, NotAllowed: the key does not open the service.
            ClientError: once, the service is away.
            OSError: the folder cannot be read or written; once, the disk is full.
        """
        self._state.save()
        backoff_s = FIRST_BACKOFF_S
        while True:
            if is_stopped():
                raise KeyboardInterrupt
            try:
                is_done = self.step()
            except (ClientError, OSError) as problem:
                if once or not _passes(problem):
                    raise
                self.tell(f"{problem}; trying again in {backoff_s:g} s")
                time.sleep(backoff_s)
                backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)
                continue
            backoff_s = FIRST_BACKOFF_S
            if once and is_done:
                return
            time.sleep(self.options.poll_s)

    def step(self) -> bool:
        """Look at the folder, and do what can be done now; True: nothing is left.

        Raises:
            ClientError: the service is away, or lets nobody in.
        """
        found = find_videos(self.options.folder, recursive=self.options.recursive)
        settled = self._settling.settled(found, time.monotonic())
        # An empty file is not whole, but is not waited for either.
        waiting = any(
            path not in settled for path, stamp in found.items() if stamp.size_bytes
        )
        for match in grouped(found) if self.options.join else single(found):
            if match.missing is not None:
                self._miss(match)
            elif all(path in settled for path in match.paths):
                path, stamp = match.paths[0], match.stamp(settled)
                if self._tried.get(path) != stamp:  # else it failed, and is the same
                    waiting = not self._do(match, stamp) or waiting
        return not waiting

    def _miss(self, match: Match) -> None:
        """Say once that a half is alone."""
        if match.paths[0] not in self._missed:
            self._missed.add(match.paths[0])
            self.tell(f"{match.paths[0]}: waits for the other half, {match.missing}")

    def _do(self, match: Match, stamp: Stamp) -> bool:
        """Bring a match further; True: there is no more to do."""
        path = match.paths[0]
        known = self._state.files.get(path)
        if known is None or (known.size_bytes, known.mtime_ns) != (
            stamp.size_bytes,
            stamp.mtime_ns,
        ):
            known = FileState(stamp.size_bytes, stamp.mtime_ns)
            self._state.files[path] = known
        missing = [one for one in self.options.formats if one not in known.written]
        if not missing:
            return True
        try:
            if known.job is None:
                self._bring(match, known)
            job = self.client.job(str(known.job))
            if not job.is_final:
                return False
            if job.kind == JOIN and job.status == "succeeded":
                known.job = self.client.video(str(known.video)).job.id
                self._state.save()
                return False
            self._finish(path, known, job, missing)
        except (ClientError, OSError, ValueError) as problem:
            if _concerns_all(problem):
                raise
            if isinstance(problem, NotFound):  # It was deleted there.
                known.upload = known.video = known.job = None
                known.parts.clear()
                self._state.save()
            if isinstance(problem, FileChanged):
                return False
            self._fail(path, stamp, str(problem))
        return True

    def _bring(self, match: Match, known: FileState) -> None:
        """Upload a match, or find it at the service; queue an analysis if need be."""
        if len(match.paths) > 1:
            bring_parts(self, match, known)
            return
        path = match.paths[0]
        file = self.options.folder / path
        model = self.options.model
        if known.sha256 is None:
            with file.open("rb") as stream:
                known.sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            self._state.save()
        same = self.client.videos(sha256=known.sha256)
        video = next((one for one in same if one.dropped_at is None), None)
        if video is None:
            self.tell(f"{path}: uploading")
            video = self.client.upload(
                file,
                model=model,
                resume=known.upload,
                on_progress=lambda progress: self.note(path, known, progress),
            )
            job = video.job
        else:
            self.tell(f"{path}: is at the service already, as {video.id}")
            job = video.job
            is_other = model is not None and job.model != model
            if is_other or (job.error is not None and job.error.retryable):
                job = self.client.analyse(video, model=model)
        known.video, known.job, known.upload = video.id, job.id, None
        self._state.save()

    def note(self, path: str, known: FileState, progress: UploadProgress) -> None:
        """Keep the address of an upload under way, and show how far it is."""
        if known.upload != progress.upload:
            known.upload = progress.upload
            self.save()
        self.show(path, progress)

    def save(self) -> None:
        """Keep what is known of all files."""
        self._state.save()

    def _finish(
        self, path: str, known: FileState, job: Job, missing: Sequence[str]
    ) -> None:
        """Write the timelines of a video whose job has ended."""
        if job.status != "succeeded":
            why = f": {job.error.detail}" if job.error else ""
            known.job = None  # Looked at anew by the next watch.
            self._state.save()
            raise ValueError(f"the analysis ended as {job.status}{why}")
        for form in missing:
            target = self.options.folder / f"{path}.{self._suffix(form)}"
            content = self.client.export(str(known.video), form)
            if target.is_file() and target.read_bytes() == content:
                self.tell(f"{path}: {target.name} is there already")
            else:
                self._write(target, content)
                self.tell(f"{path}: {target.name} written")
            known.written.append(form)
            self._state.save()

    def _write(self, target: Path, content: bytes) -> None:
        try:
            with new_file(target, overwrite=self.options.overwrite) as file:
                file.write(content)
        except FileExistsError:
            raise ValueError(
                f"{target.name} exists already, with other content, and was left as "
                "it is; --force replaces it"
            ) from None

    def _fail(self, path: str, stamp: Stamp, problem: str) -> None:
        self.tell(f"{path}: {problem}")
        self.problems[path] = problem
        self._tried[path] = stamp

    def _suffix(self, form: str) -> str:
        """Give the ending of a format's files, by which several lie side by side."""
        if not self._suffixes:
            self._suffixes = {
                one.name: one.path.removeprefix("events.")
                for one in self.client.formats()
            }
        return self._suffixes.get(form, form)


def _concerns_all(problem: Exception) -> bool:
    if isinstance(problem, ApiProblem) and problem.status == BUG:
        return False
    return isinstance(problem, STOPPING) or _passes(problem)


def _passes(problem: Exception) -> bool:
    """Whether it may end by itself, and is no trouble of one file."""
    if isinstance(problem, OSError):
        return problem.errno in FULL
    return isinstance(problem, AWAY)


def refuse_unknown_model(client: Client, model: str | None) -> str | None:
    """Say why a model cannot be used; None: it can, or the service is away."""
    if model is None:
        return None
    try:
        models = {one.name: one.problem for one in client.models()}
    except ApiProblem:
        raise
    except ClientError:
        return None
    if model not in models:
        return f"the service has no model {model!r}; it has {', '.join(models)}"
    return models[model]
