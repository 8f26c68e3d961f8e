"""What the client does with trainings: ask for them, wait, read logs, end them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

from touchline.client.reading import read
from touchline.client.records import Video
from touchline.client.training_records import LogLine, Training, TrainingReadiness
from touchline.client.videos import VideoCalls, id_of
from touchline.client.waiting import wait_until_made

NO_BASE = "none"
LOG_PAGE = 200


class TrainingParameters(TypedDict, total=False):
    """How a model is trained; what is left out is as in the API.

    Attributes:
        base: the model to start from; left out: the default one; `none`: none.
        start: what of the base is kept.
        types: what the model is to find.
        mapping: types by what they become; None drops one.
        minutes: how long it may train; 45.
        seed: of every chance.
    """

    base: str
    start: Literal["base", "trunk", "imagenet", "noise"]
    types: Sequence[str]
    mapping: Mapping[str, str | None]
    minutes: float
    seed: int


class TrainingCalls(VideoCalls):
    """From what people reviewed to the next version of a model."""

    def training_readiness(
        self,
        *,
        videos: Sequence[Video | str] = (),
        types: Sequence[str] = (),
        holdout_videos: Sequence[Video | str] = (),
        holdout_share: float | None = None,
        base: str | None = None,
        seed: int = 0,
    ) -> TrainingReadiness:
        """Tell what is reviewed, what is missing, and what would be held out.

        Args:
            videos: to learn from; none: all of which something is reviewed.
            types: that are asked about; none: all.
            holdout_videos: to be held out, each with the other half of its match.
            holdout_share: of what is reviewed, instead.
            base: the model to start from; None: the default one; `none`: none.
            seed: of the training.
        """
        query = {
            "videos": [id_of(one) for one in videos],
            "types": list(types),
            "holdout_videos": [id_of(one) for one in holdout_videos],
            "holdout_share": holdout_share,
            "base": base,
            "seed": seed,
        }
        answer = self._http.json("GET", "/trainings/readiness", query=query)
        return read(TrainingReadiness, answer)

    def create_training(
        self,
        name: str,
        *,
        videos: Sequence[Video | str] = (),
        holdout_videos: Sequence[Video | str] = (),
        holdout_share: float | None = None,
        **how: Unpack[TrainingParameters],
    ) -> Training:
        """Ask for a training; it becomes the next version of its name.

        Args:
            name: of the model, without a version.
            videos: to learn from; none: all of which something is reviewed.
            holdout_videos: not learned from, but judged by.
            holdout_share: of what is reviewed, instead.
            how: see `TrainingParameters`.

        Raises:
            ValueError: both videos and a share are to be held out.
            InvalidRequest: it contradicts itself, or what there is.
            Conflict: nothing is reviewed, the name is taken, or nobody here can train.
            TooManyRequests: too many wait.
        """
        if holdout_videos and holdout_share is not None:
            raise ValueError("give either holdout_videos or a holdout_share")
        wanted: dict[str, Any] = {"name": name, **how}
        if wanted.get("base") == NO_BASE:
            wanted["base"] = None
        if videos:
            wanted["videos"] = [id_of(one) for one in videos]
        if holdout_videos:
            wanted["holdout"] = {"videos": [id_of(one) for one in holdout_videos]}
        if holdout_share is not None:
            wanted["holdout"] = {"share": holdout_share}
        return read(Training, self._http.json("POST", "/trainings", body=wanted))

    def training(self, training: Training | str) -> Training:
        """Look at a training, with its curves."""
        return read(Training, self._http.json("GET", f"/trainings/{id_of(training)}"))

    def trainings(self) -> Iterator[Training]:
        """List the project's trainings, the newest first; without curves."""
        return self._pages(Training, "/trainings", {"limit": 200})

    def training_log(self, training: Training | str) -> Iterator[LogLine]:
        """Read a training's log, the oldest line first."""
        path = f"/trainings/{id_of(training)}/log"
        return self._pages(LogLine, path, {"limit": LOG_PAGE})

    def wait_training(
        self,
        training: Training | str,
        *,
        timeout_s: float | None = 6 * 3600,
        on_progress: Callable[[Training], object] | None = None,
    ) -> Training:
        """Wait until a training has made its model.

        Args:
            timeout_s: the longest to wait; None: without end.
            on_progress: is called with the training whenever it was looked at.

        Raises:
            JobFailed: it failed, or was canceled.
            NotFound: it was deleted meanwhile.
            WaitTimeout: it has not ended in time; it goes on.
        """
        return wait_until_made(
            lambda: read(Training, self._once(f"/trainings/{id_of(training)}")),
            what=f"the training {id_of(training)}",
            timeout_s=timeout_s,
            on_progress=on_progress,
            job_of=self.job,
        )

    def cancel_training(self, training: Training | str) -> Training:
        """Cancel a training that waits or runs.

        Raises:
            Conflict: it has ended.
        """
        path = f"/trainings/{id_of(training)}/cancel"
        return read(Training, self._http.json("POST", path))

    def delete_training(self, training: Training | str) -> None:
        """Delete a training with its curves and log; the model that it made stays."""
        self._http.send("DELETE", f"/trainings/{id_of(training)}")
