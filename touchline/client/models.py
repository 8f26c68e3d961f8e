"""What the client does with models: the default, comparisons, files, analyses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.client.downloading import download, new_file
from touchline.client.reading import read
from touchline.client.records import FINAL, JobError, Model, Status, Video
from touchline.client.videos import VideoCalls, id_of
from touchline.client.waiting import wait_until_made


@dataclass(frozen=True, slots=True)
class DefaultModel:
    """The model that is taken where none is named.

    Attributes:
        is_fixed: the operator of the service chose it, and nobody else can.
        rollback_to: what a roll back leads to.
    """

    name: str | None
    is_fixed: bool
    rollback_to: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Models held against each other on what people have reviewed.

    Attributes:
        verdict: `text` says it in a sentence, `by_type` for each type; None: not yet.
        types: figures, differences and their intervals, as the API has them.
        errors: how many moments some model got wrong.
    """

    id: str
    job_id: str
    status: Status
    progress: float
    verdict: Mapping[str, Any] | None
    types: tuple[Mapping[str, Any], ...]
    warnings: tuple[str, ...]
    errors: int
    error: JobError | None

    @property
    def is_final(self) -> bool:
        """Whether its making has ended, in whatever way."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class SkippedVideo:
    """A video that is not analysed again, and why."""

    video_id: str
    why: str
    detail: str


@dataclass(frozen=True, slots=True)
class QueuedAnalysis:
    """An analysis that waits now."""

    video_id: str
    job_id: str


@dataclass(frozen=True, slots=True)
class Analyses:
    """What is analysed again with a model, and what is not."""

    model: str
    jobs: tuple[QueuedAnalysis, ...]
    skipped: tuple[SkippedVideo, ...]


class ModelCalls(VideoCalls):
    """Which model is used, which is better, and its file."""

    def default_model(self) -> DefaultModel:
        """Tell which model is taken where none is named."""
        return read(DefaultModel, self._http.json("GET", "/models/default"))

    def set_default_model(self, name: str) -> DefaultModel:
        """Make a model the default from the next job on.

        Raises:
            Conflict: the operator chose, or it is archived.
            InvalidRequest: there is none of that name.
        """
        body = {"name": name}
        return read(DefaultModel, self._http.json("PUT", "/models/default", body=body))

    def roll_back_model(self) -> DefaultModel:
        """Make the default what it was before; not sent again if its answer is lost.

        Raises:
            Conflict: there is nothing to go back to.
        """
        path = "/models/default/rollback"
        return read(DefaultModel, self._http.json("POST", path, is_retried=False))

    def archive_model(self, name: str) -> Model:
        """Archive a version: its name without version no longer stands for it."""
        return read(Model, self._http.json("POST", f"/models/{id_of(name)}/archive"))

    def restore_model(self, name: str) -> Model:
        """Take a version back from the archive."""
        return read(Model, self._http.json("POST", f"/models/{id_of(name)}/restore"))

    def download_model(
        self, name: str, path: str | Path, *, overwrite: bool = False
    ) -> Path:
        """Write a model to a file.

        Raises:
            FileExistsError: the file exists, and `overwrite` is not given.
        """
        target = Path(path)
        with new_file(target, overwrite=overwrite) as file:
            download(self._http, f"/models/{id_of(name)}/file", file)
        return target

    def compare_models(
        self,
        models: Sequence[str],
        *,
        videos: Sequence[Video | str] | None = None,
        training_id: str | None = None,
    ) -> Comparison:
        """Compare the first of some models with the others.

        Args:
            models: two to four names.
            videos: on what is reviewed of these; None: of all.
            training_id: on what this training held out, instead.
        """
        body: dict[str, Any] = {"models": list(models)}
        if videos is not None:
            body["videos"] = [id_of(one) for one in videos]
        if training_id is not None:
            body["training_id"] = training_id
        return read(Comparison, self._http.json("POST", "/comparisons", body=body))

    def comparison(self, comparison: Comparison | str) -> Comparison:
        """Look at a comparison."""
        path = f"/comparisons/{id_of(comparison)}"
        return read(Comparison, self._http.json("GET", path))

    def wait_comparison(
        self,
        comparison: Comparison | str,
        *,
        timeout_s: float | None = 3600,
        on_progress: Callable[[Comparison], object] | None = None,
    ) -> Comparison:
        """Wait until a comparison is made.

        Raises:
            JobFailed: it failed, or was canceled.
            WaitTimeout: it has not ended in time; its making goes on.
        """
        path = f"/comparisons/{id_of(comparison)}"
        return wait_until_made(
            lambda: read(Comparison, self._once(path)),
            what=f"the comparison {id_of(comparison)}",
            timeout_s=timeout_s,
            on_progress=on_progress,
            job_of=self.job,
        )

    def analyse_all(
        self,
        model: str,
        videos: Sequence[Video | str] | None = None,
        *,
        priority: int = -5,
    ) -> Analyses:
        """Analyse all videos again, or some; what people decided stays."""
        chosen = "all" if videos is None else [id_of(one) for one in videos]
        body = {"model": model, "videos": chosen, "priority": priority}
        return read(Analyses, self._http.json("POST", "/analyses", body=body))
