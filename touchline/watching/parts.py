"""A match of several files goes up file by file, and becomes one video."""

from collections.abc import Callable
from typing import Protocol

from touchline.client.client import Client
from touchline.client.uploading import UploadProgress
from touchline.watching.matches import Match
from touchline.watching.options import WatchOptions
from touchline.watching.state import FileState

NO_MODEL = "none"


class Watch(Protocol):
    """What of a watch is needed here; see `FolderWatch`."""

    client: Client
    options: WatchOptions

    @property
    def tell(self) -> Callable[[str], object]: ...

    def note(self, path: str, known: FileState, progress: UploadProgress) -> None: ...

    def save(self) -> None: ...


def bring_parts(watch: Watch, match: Match, known: FileState) -> None:
    """Upload the files of a match, those that are not there yet, and join them.

    One that was joined before, and whose analysis failed, is analysed again.

    Raises:
        ClientError, OSError, ValueError: see `Client.upload`, `Client.join`.
    """
    client, model = watch.client, watch.options.model
    if known.video is not None and client.video(known.video).size_bytes is not None:
        known.job = client.analyse(known.video, model=model).id
        watch.save()
        return
    for part in match.paths[len(known.parts) :]:
        _upload(watch, part, known)
    watch.tell(f"{match.paths[0]}: one match of {len(match.paths)} files")
    video = client.join(
        known.parts, parts=match.parts, keep_originals=False, model=model
    )
    known.video, known.job = video.id, video.job.id
    watch.save()


def _upload(watch: Watch, part: str, known: FileState) -> None:
    watch.tell(f"{part}: uploading")
    video = watch.client.upload(
        watch.options.folder / part,
        model=NO_MODEL,
        resume=known.upload,
        on_progress=lambda progress: watch.note(part, known, progress),
    )
    known.parts.append(video.id)
    known.upload = None
    watch.save()
