"""What was found in a video: events, at any threshold and in every form."""

from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from model.checkpoint.manifest import Manifest
from model.data.formats.clock import seems_constant
from model.data.formats.events import ExportedVideo
from model.data.formats.writing import write_events
from model.spotting.formats import number_spots, to_csv, to_soccernet
from model.spotting.spots import Spot, find_spots
from model.spotting.timeline import Timeline
from touchline.files import write_text

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a video.

    Attributes:
        label: its type, `PASS` for one.
        time_s: seconds from the start of the video, as a player shows it.
        frame: index in the source, 0-based.
        score: the network's belief, 0 to 1.
        team: the side that did it; None where the checkpoint does not tell.
    """

    label: str
    time_s: float
    frame: int
    score: float
    team: str | None = None

    @property
    def type(self) -> str:
        """Name the label as the HTTP API and the CSV do."""
        return self.label


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What a checkpoint found in one video.

    Attributes:
        name: of the video.
        timeline: the scores of every step, before any threshold.
        manifest: of the checkpoint.
        fps: frames a second of the source; None if unknown.
        spots: what survived thresholds and NMS, earliest first.
    """

    name: str
    timeline: Timeline
    manifest: Manifest
    fps: float | None
    spots: tuple[Spot, ...]

    @classmethod
    def of(
        cls, manifest: Manifest, timeline: Timeline, name: str, fps: float | None
    ) -> Self:
        """Find the events of a timeline at the checkpoint's own thresholds."""
        return cls(name, timeline, manifest, fps, ()).at()

    @property
    def events(self) -> list[Event]:
        """List the events, earliest first."""
        return [
            Event(spot.label, spot.time_s, spot.frame, spot.score, spot.team)
            for spot in self.spots
        ]

    def at(self, min_score: float | None = None) -> Self:
        """Give the result at another lowest score, without another run.

        None takes the checkpoint's own thresholds.

        Raises:
            ValueError: `min_score` is not in [0, 1].
        """
        check_min_score(min_score)
        options = self.manifest.spotting
        spots = find_spots(
            self.timeline, options, min_score=min_score, sides=self.manifest.sides
        )
        return replace(self, spots=tuple(spots))

    def to_dataframe(self) -> "pandas.DataFrame":
        """Give a table with the columns of the CSV but for `id`, one event a row.

        Raises:
            ModuleNotFoundError: pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError as exc:
            raise ModuleNotFoundError(
                "pandas is not installed: pip install pandas", name="pandas"
            ) from exc
        columns = {"label": "type"}
        names = ["label", "time_s", "frame", "score", "team"]
        rows = [asdict(event) for event in self.events]
        return pandas.DataFrame(rows, columns=names).rename(columns=columns)

    def to_csv(
        self, path: str | Path | None = None, *, overwrite: bool = False
    ) -> str | None:
        """Write the table of `touchline spot --format csv`; without a path, return it.

        Raises:
            FileExistsError: the file exists, and `overwrite` is not given.
        """
        return _written(to_csv(number_spots(self.spots)), path, overwrite=overwrite)

    def to_soccernet(
        self, path: str | Path | None = None, *, overwrite: bool = False
    ) -> str | None:
        """Write SoccerNet's `results_spotting.json`; without a path, return it.

        Raises:
            FileExistsError: the file exists, and `overwrite` is not given.
        """
        text = to_soccernet(number_spots(self.spots), name=self.name, fps=self.fps)
        return _written(text + "\n", path, overwrite=overwrite)

    def to_format(
        self, name: str, path: str | Path | None = None, *, overwrite: bool = False
    ) -> str | None:
        """Write a file of another program, or return its text.

        Args:
            name: of the format: `sportscode`, `edl`, `vtt`... (docs/formats.md).
            path: where to; None returns the text.
            overwrite: replace a file that is there.

        Raises:
            BadAnnotations: there is no such format.
            CannotWrite: it cannot hold these events; the message says why.
            FileExistsError: the file exists, and `overwrite` is not given.
        """
        facts = number_spots(self.spots)
        is_constant = seems_constant(facts, self.fps)
        video = ExportedVideo(self.name, self.fps, is_constant=is_constant)
        text = write_events(facts, video, format=name)
        return _written(text, path, overwrite=overwrite)

    def __repr__(self) -> str:
        counts = Counter(spot.label for spot in self.spots)
        told = ", ".join(f"{counts[label]} {label}" for label in self.manifest.labels)
        return f"Result({self.name!r}: {told})"


def check_min_score(min_score: float | None) -> None:
    """Refuse what is no score, before any work.

    Raises:
        ValueError: it is not in [0, 1].
    """
    if min_score is not None and not 0 <= min_score <= 1:
        raise ValueError(f"min_score must be in [0, 1], got {min_score}")


def _written(text: str, path: str | Path | None, *, overwrite: bool) -> str | None:
    if path is None:
        return text
    write_text(Path(path), text, overwrite=overwrite)
    return None
