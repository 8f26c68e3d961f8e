"""Comparisons: spots held-out stretches with models and says which is better.

Only what is reviewed when the job runs is truth. A video that is deleted meanwhile, or
cannot be decoded, is left out for all models alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.annotations.timelines import View
from app.checkpoints.lineage import Footage, learned_of
from app.comparisons.problems import ComparisonGone, HoldoutGone
from app.comparisons.service import holdout_of, keep_result
from app.comparisons.tables import Comparison
from app.core.errors import SourceMissing
from app.datasets.problems import ExportFailed
from app.datasets.truth import Truth, read_truth
from app.videos.tables import Video
from model.data.formats.provenance import Span, cut_spans, is_within
from model.errors import DecoderError, VideoError
from model.evaluation.compare import (
    ComparedMatch,
    Contender,
    TrueEvent,
    compare_models,
)
from model.evaluation.moments import Moment, wrong_moments
from model.evaluation.timed import CURVE_FLOOR
from model.spotting.predictor import Predictor
from model.spotting.spot_stretches import spot_stretches
from model.spotting.spots import Spot, find_spots
from model.video.limits import DEFAULT_LIMITS
from worker.handlers.compare_result import Holdout, moment_row, result_of
from worker.handlers.source import stored_file
from worker.job_task import HandlerContext, JobResult, JobTask, Reporter

MAX_MOMENTS = 5000  # that are listed; figures count all


@dataclass(frozen=True, slots=True)
class _Measured:
    """A video on which models are compared: what is true, and where."""

    truth: Truth
    spans: tuple[Span, ...]

    @property
    def match(self) -> ComparedMatch:
        events = [
            TrueEvent(one.label, one.time_ms / 1000, one.frame or 0)
            for one in self.truth.events
        ]
        return ComparedMatch(
            self.truth.title,
            self.spans,
            [one for one in events if is_within(one.time_s, self.spans)],
        )

    @property
    def footage(self) -> Footage:
        truth = self.truth
        return Footage(str(truth.video_id), truth.sha256, truth.joined_of, self.spans)


@dataclass(slots=True)
class _Found:
    """What each model spotted, by video; and the videos that are left out."""

    contenders: dict[str, dict[UUID, list[Spot]]] = field(default_factory=dict)
    predictors: dict[str, Mapping[str, str | None]] = field(default_factory=dict)
    thresholds: dict[str, Mapping[str, float]] = field(default_factory=dict)
    left_out: dict[UUID, str] = field(default_factory=dict)


def compare(task: JobTask, context: HandlerContext, reporter: Reporter) -> JobResult:
    """Hold models against each other.

    Raises:
        ModelError: a model cannot be used.
        ComparisonGone: nobody wants it any more.
        HoldoutGone: there is nothing left to compare on.
    """
    comparison_id = UUID(str(task.params["comparison_id"]))
    with context.sessions() as session:
        comparison = session.get(Comparison, comparison_id)
    if comparison is None:
        raise ComparisonGone("The comparison was deleted before it was made.")
    found = _Found()
    measured = _measured(comparison, context, found)
    _spot_all(comparison.models, measured, context, reporter, found)
    measured = [one for one in measured if one.truth.video_id not in found.left_out]
    if not measured:
        raise HoldoutGone(_why_nothing(found))
    reporter.progress("compare", 1.0, 0.0)
    result, moments = _judge(comparison, measured, context, reporter, found)

    def save(session: Session) -> None:
        keep_result(session, comparison_id, result, _still_there(session, moments))

    return JobResult(facts={"comparison_id": str(comparison_id)}, save=save)


def _measured(
    comparison: Comparison, context: HandlerContext, found: _Found
) -> list[_Measured]:
    """Read what is true of each video, as far as it is both held out and reviewed."""
    view = View(context.settings.match_tolerance)
    measured = []
    for video_id, wanted in holdout_of(comparison).items():
        with context.sessions() as session:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            try:
                truth = read_truth(session, context.storage, video_id, view=view)
            except ExportFailed as exc:
                found.left_out[video_id] = str(exc)
                continue
        spans = cut_spans(wanted, truth.provenance.spans_s or ())
        if spans:
            measured.append(_Measured(truth, spans))
        else:
            found.left_out[video_id] = "nothing of the stretches is reviewed any more"
    if not measured:
        raise HoldoutGone(_why_nothing(found))
    return measured


def _spot_all(
    models: Sequence[str],
    measured: Sequence[_Measured],
    context: HandlerContext,
    reporter: Reporter,
    found: _Found,
) -> None:
    """Spot every video with one model after the other: few fit into memory at once."""
    if context.predictors is None:
        raise ValueError("comparing needs predictors")
    runs = len(models) * len(measured)
    for number, name in enumerate(models):
        predictor = context.predictors.get(name)
        reporter.touch()
        _note_model(name, predictor, found)
        for place, one in enumerate(measured):
            if one.truth.video_id in found.left_out:
                continue
            done = number * len(measured) + place
            _spot_one(
                one, name, predictor, context, _Share(reporter, done, runs), found
            )


def _note_model(name: str, predictor: Predictor, found: _Found) -> None:
    manifest = predictor.manifest
    weights = manifest.files.get("weights.safetensors")
    found.contenders[name] = {}
    found.predictors[name] = {
        "name": name,
        "sha256": weights.sha256 if weights else None,
        "engine": predictor.engine,
    }
    found.thresholds[name] = {
        label: options.threshold for label, options in manifest.spotting.labels.items()
    }


@dataclass(frozen=True, slots=True)
class _Share:
    """Turns the progress of one run into that of all."""

    reporter: Reporter
    done: int
    runs: int

    def __call__(self, part: float) -> None:
        self.reporter.progress("spot", (self.done + part) / self.runs)


def _spot_one(
    one: _Measured,
    name: str,
    predictor: Predictor,
    context: HandlerContext,
    on_progress: _Share,
    found: _Found,
) -> None:
    truth = one.truth
    longest_s = context.settings.max_duration.total_seconds()
    touch = on_progress.reporter.touch
    try:
        with stored_file(truth.storage_key, context.storage, touch) as path:
            timelines = spot_stretches(
                path,
                one.spans,
                predictor=predictor,
                limits=replace(DEFAULT_LIMITS, max_duration_s=longest_s),
                on_progress=on_progress,
            )
    except SourceMissing:
        found.left_out[truth.video_id] = "it has been deleted"
        return
    except (VideoError, DecoderError) as exc:
        found.left_out[truth.video_id] = str(exc)
        return
    found.contenders[name][truth.video_id] = [
        spot
        for timeline in timelines
        for spot in find_spots(
            timeline, predictor.manifest.spotting, min_score=CURVE_FLOOR
        )
        if is_within(spot.time_s, one.spans)
    ]


def _judge(
    comparison: Comparison,
    measured: Sequence[_Measured],
    context: HandlerContext,
    reporter: Reporter,
    found: _Found,
) -> tuple[dict[str, object], list[tuple[UUID, Moment]]]:
    matches = [one.match for one in measured]
    ids = [one.truth.video_id for one in measured]
    contenders = [
        Contender(name, found.thresholds[name], [spots[one] for one in ids])
        for name, spots in found.contenders.items()
    ]
    compared = compare_models(matches, contenders, on_wait=reporter.touch)
    labels = [one.label for one in compared.types]
    moments = wrong_moments(matches, contenders, labels)
    footage = [one.footage for one in measured]
    held = Holdout(
        videos=len(measured),
        seconds=sum(end - start for each in measured for start, end in each.spans),
        left_out={str(one): why for one, why in found.left_out.items()},
        learned={
            name: learned_of(name, footage, context.settings)
            for name in found.contenders
        },
    )
    models = [found.predictors[name] for name in comparison.models]
    result = result_of(compared, models, held, moments=len(moments))
    return result, [(ids[one.match], one) for one in moments[:MAX_MOMENTS]]


def _still_there(
    session: Session, moments: Sequence[tuple[UUID, Moment]]
) -> list[dict[str, object]]:
    """Give rows of the moments whose video has not been deleted, and hold it."""
    wanted = {video_id for video_id, _ in moments}
    there = set(
        session.scalars(
            select(Video.id)
            .where(Video.id.in_(wanted))
            .order_by(Video.id)
            .with_for_update(key_share=True, read=True)
        )
    )
    return [moment_row(one, each) for one, each in moments if one in there]


def _why_nothing(found: _Found) -> str:
    why = "; ".join(f"{video}: {text}" for video, text in found.left_out.items())
    return (
        "There is nothing left to compare the models on. Review some stretches, then "
        f"compare again ({why})."
    )
