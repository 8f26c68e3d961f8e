"""What a training learns from: reviewed stretches, by reference to the storage."""

import errno
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.checkpoints.lineage import learned_from
from app.core.db.base import utc_now
from app.core.errors import StorageFull
from app.core.resources import Stores
from app.datasets.export import export_dataset
from app.datasets.files import SPLIT, ExportOptions
from app.datasets.parts import Holdout
from app.datasets.problems import ExportBusy, ExportFailed
from app.datasets.staging import CARD, is_dataset
from app.trainings.options import TrainingOptions
from app.trainings.tables import Training
from app.videos.tables import Video
from model.data.formats.provenance import Span
from model.data.matches import find_matches
from model.data.splits import read_split
from model.errors import NoRoom
from model.teaching.pieces import decoded_end_s
from worker.training.failures import CannotTrain, TrainingBusy

HELD_OUT = ("val", "test")
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class TeachingSet:
    """A data set in the scratch folder of a training.

    Attributes:
        folder: where it is.
        card: what is in it.
        options: which of its types are taught, and as what.
    """

    folder: Path
    card: Mapping[str, Any]
    options: TrainingOptions

    @classmethod
    def read(cls, folder: Path, options: TrainingOptions) -> "TeachingSet | None":
        """Take the one that is there; None: there is none yet."""
        if not is_dataset(folder):
            return None
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        return cls(folder, card, options)

    def facts(
        self, holdout: Mapping[str, Sequence[Sequence[float]]] | None = None
    ) -> dict[str, Any]:
        """Tell what is learned from and judged by, for the training's row.

        Args:
            holdout: the stretches that were held out, by match; None: as it is split.
        """
        parts, split = self.card["split"]["parts"], self.card["split"]
        held = self._stretches(HELD_OUT) if holdout is None else self._by_video(holdout)
        return {
            "minutes": self.card["minutes_reviewed"],
            "counts": {
                "train": self._as_taught(parts["train"]["counts"]),
                "val": self._as_taught(*(parts[part]["counts"] for part in HELD_OUT)),
            },
            "split": {"by": split["by"], "note": split["note"]},
            "agreement": self.card["agreement"],
            "left_out": self.card["left_out"],
            "holdout": [
                {"video_id": video_id, "spans": spans}
                for video_id, spans in held.items()
            ],
        }

    def lineage(self) -> dict[str, Any]:
        """Tell what is learned from, for the model's file."""
        stretches = self._stretches(("train",))
        sources = [one["source"] for one in self.card["matches"]]
        return {
            "minutes": self.card["minutes_reviewed"],
            "events": self._as_taught(self.card["split"]["parts"]["train"]["counts"]),
            "stretches": stretches,
            # By these a video is known that is uploaded anew, or joined of others.
            "files": {
                one["video_id"]: [one["sha256"], *one.get("joined_of", ())]
                for one in sources
                if one["video_id"] in stretches
            },
        }

    def video_ids(self) -> dict[str, str]:
        """Give the id of each match's video, by the name of the match."""
        return {one["name"]: one["source"]["video_id"] for one in self.card["matches"]}

    def _as_taught(self, *counts: Mapping[str, int]) -> dict[str, int]:
        """Count events as what they become; those that are not taught are left out."""
        types, found = self.options.types, dict[str, int]()
        for label, count in chain.from_iterable(one.items() for one in counts):
            target = self.options.mapping.get(label, label)
            if target is not None and (types is None or target in types):
                found[target] = found.get(target, 0) + count
        return found

    def _stretches(self, parts: Sequence[str]) -> dict[str, list[list[float]]]:
        """Give the reviewed stretches of parts, by the id of their video."""
        matches, split = find_matches(self.folder), read_split(self.folder / SPLIT)
        found: dict[str, list[Span]] = {}
        for part in parts:
            for match in split.take(matches, part):
                spans = found.setdefault(match.name, [])
                spans += match.labels.reviewed or ()
        return self._by_video(found)

    def _by_video(
        self, spans: Mapping[str, Sequence[Sequence[float]]]
    ) -> dict[str, list[list[float]]]:
        videos = self.video_ids()
        return {
            videos[name]: [[float(edge) for edge in span] for span in of]
            for name, of in spans.items()
            if name in videos
        }


def make_teaching_set(
    folder: Path,
    training: Training,
    stores: Stores,
    *,
    touchline: str,
    report: Callable[[str], None],
    on_wait: Callable[[], None] = lambda: None,
) -> TeachingSet:
    """Export what a training asks for; one that was begun is gone on with.

    Args:
        on_wait: called now and then while a video comes from a bucket; may raise.

    Raises:
        TrainingBusy: an earlier run still writes it.
        CannotTrain: there is nothing to learn from, or nothing to judge by.
        BadAnnotations: there is too little to split.
        StorageFull: the disk has no room for it.
    """
    options = TrainingOptions.read(training.options)
    holdout = options.holdout
    wanted = ExportOptions(
        project_id=training.project_id,
        videos=options.videos or (),
        mode="reference",
        seed=options.seed,
        may_replace=True,
        holdout=None if holdout is None else Holdout(holdout.videos, holdout.share),
        learned=()
        if training.base is None
        else learned_from(training.base, stores.settings),
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.is_dir() and not is_dataset(folder):  # Torn by a power cut.
        shutil.rmtree(folder)
    try:
        card = export_dataset(
            folder,
            wanted,
            stores,
            now=utc_now(),
            touchline=touchline,
            report=report,
            on_wait=on_wait,
        )
    except ExportBusy as exc:
        raise TrainingBusy(
            "An earlier run of it still writes what is to be taught."
        ) from exc
    except ExportFailed as exc:
        if _is_full(exc.__cause__):
            raise StorageFull("The disk of the training's worker is full.") from exc
        raise CannotTrain(f"There is nothing to train on: {exc}.") from exc
    return TeachingSet(folder, card, options)


@contextmanager
def held_videos(
    made: TeachingSet, frames: Path, stores: Stores, *, on_wait: Callable[[], None]
) -> Iterator[None]:
    """Keep the videos of a data set on this machine that are still to be decoded.

    The data set has links to them. In the cache of a bucket they would make room for
    others: for each other, and for those that are analysed meanwhile.

    Args:
        frames: the folder of what is decoded already.
        on_wait: called now and then while a video comes from a bucket; may raise.

    Raises:
        StorageFull: the cache has no room for them.
    """
    videos = made.video_ids()
    missing = [
        videos[match.name]
        for match in find_matches(made.folder, on_missing=lambda _: None)
        if match.name in videos and decoded_end_s(match, frames) is None
    ]
    with stores.sessions() as session:
        wanted = select(Video.storage_key).where(Video.id.in_(map(UUID, missing)))
        keys = session.scalars(wanted.order_by(Video.id)).all()
    with ExitStack() as stack:
        for key in keys:
            with suppress(FileNotFoundError):  # Deleted just now: it is left out.
                copy = stores.storage.local_copy(str(key), lambda _: on_wait())
                stack.enter_context(copy)
        yield


def _is_full(exc: BaseException | None) -> bool:
    is_full = isinstance(exc, OSError) and exc.errno in _FULL
    return is_full or isinstance(exc, NoRoom)
