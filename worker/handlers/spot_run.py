"""What all ways to spot a video work with: in one piece, split, joined, one segment."""

from dataclasses import asdict, dataclass, replace
from uuid import UUID

from app.clips.proxies import ask_for_proxy
from app.videos.queries import note_facts
from model.spotting.predictor import Predictor
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.probe import VideoFacts
from worker.job_task import HandlerContext, JobTask, Reporter


@dataclass(frozen=True, slots=True)
class SpotRun:
    """One attempt, with the checkpoint it runs."""

    task: JobTask
    context: HandlerContext
    reporter: Reporter
    predictor: Predictor
    video_id: UUID

    @classmethod
    def of(
        cls, task: JobTask, context: HandlerContext, reporter: Reporter
    ) -> "SpotRun":
        """Load the checkpoint that the job asks for.

        Raises:
            ModelError: it cannot be used.
        """
        if context.predictors is None or task.video_id is None:
            raise ValueError("spotting needs predictors and a video")
        model = task.params.get("model")
        predictor = context.predictors.get(None if model is None else str(model))
        reporter.touch()
        return cls(task, context, reporter, predictor, task.video_id)

    @property
    def limits(self) -> MediaLimits:
        """What a file may ask of us."""
        longest = self.context.settings.max_duration.total_seconds()
        return replace(DEFAULT_LIMITS, max_duration_s=longest)

    def save_facts(self, facts: VideoFacts) -> None:
        """Keep what a probe said of the video."""
        self.reporter.touch()
        with self.context.sessions.begin() as session:
            session.execute(note_facts(self.video_id, asdict(facts)))
            ask_for_proxy(session, self.video_id, asdict(facts))
