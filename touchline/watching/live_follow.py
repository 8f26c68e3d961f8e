"""Follows the events of a live stream, and writes them where Sportscode reads them."""

from collections.abc import Generator
from pathlib import Path

from model.data.formats.events import EventFacts, ExportedVideo
from model.data.formats.sportscode_live import (
    append_instances,
    count_instances,
    import_path,
)
from touchline.client.client import Client
from touchline.client.live import LiveEvent
from touchline.files import write_text


class LiveFollow:
    """One stream, from its first event or from where a run before has ended.

    Attributes:
        path: of the file that is appended; None: none is.
    """

    def __init__(
        self,
        client: Client,
        video: str,
        *,
        folder: Path | None = None,
        lead_s: float = 5.0,
        lag_s: float = 5.0,
    ) -> None:
        """Look at the stream.

        Args:
            client: of the service.
            video: id of the stream's video.
            folder: which Sportscode watches.
            lead_s, lag_s: how long an instance is before and after its event.

        Raises:
            ClientError: there is no such stream.
        """
        self._client, self._video = client, video
        name = client.live(video).name
        self.path = None if folder is None else import_path(folder, name)
        self._exported = ExportedVideo(name, None, lead_s=lead_s, lag_s=lag_s)

    def events(self) -> Generator[LiveEvent, None, None]:
        """Give final events to the end of the stream, each once it is written."""
        known = self._read_known()
        for event in self._client.live_events(self._video, after=known):
            if event.kind == "final":
                self._write(event, known)
            self._note_known(str(event.number))
            known = event.number
            if event.kind == "final":
                yield event

    def _write(self, event: LiveEvent, known: int) -> None:
        if self.path is None:
            return
        facts = EventFacts(
            *(event.id, event.type, round(event.time_s * 1000), event.frame),
            *(event.score, event.team, {}),
        )
        # A run that is killed before it notes that this is written counts instances.
        self._note_known(f"{known} {event.number} {count_instances(self.path)}")
        append_instances(self.path, [facts], self._exported)

    @property
    def _known_path(self) -> Path | None:
        """Where the number of the last change that was written is kept."""
        if self.path is None:
            return None
        return self.path.with_name(f".{self.path.stem}.{self._video}.number")

    def _read_known(self) -> int:
        if self.path is None or self._known_path is None:
            return 0
        return read_known(self._known_path, self.path)

    def _note_known(self, text: str) -> None:
        if self._known_path is not None:
            write_known(self._known_path, text)


def read_known(path: Path, instances: Path) -> int:
    """Read the number of the last change that was written; 0: none was.

    Args:
        path: `41`, or `41 43 12`: after 41, 43 was to be the instance behind 12 others.
        instances: Sportscode's file, which tells whether it became that.
    """
    if not path.exists():
        return 0
    words = path.read_text().split()
    if not all(word.isdecimal() for word in words):
        return 0
    match [int(word) for word in words]:
        case [known]:
            return known
        case [before, coming, count]:
            return coming if count_instances(instances) > count else before
    return 0


def write_known(path: Path, text: str) -> None:
    """Keep what `read_known` reads, or what was there before.

    Without it, a run that comes later would add every instance again.

    Raises:
        OSError: it cannot be written.
    """
    write_text(path, f"{text}\n", overwrite=True)
