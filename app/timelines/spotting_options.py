"""What made events of an analysis's score curves: kept with it, or found again."""

from collections.abc import Mapping

import structlog
from sqlalchemy.orm import Session

from app.checkpoints.catalogue import list_models
from app.core.db.session import Sessions
from app.core.errors import RequestProblem
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.timelines.curve_spots import spots_from_curves
from app.timelines.problems import AnalysisTooOld, NoTimeline, ScoresNotFound
from app.timelines.queries import EventFilter, events_of, without_options
from app.timelines.scores import scores_not_found, stored_curves
from app.timelines.tables import SPOTTING, SPOTTING_IS_FOUND, Analysis
from model.checkpoint.manifest import Manifest
from model.checkpoint.spotting_options import SpottingOptions
from model.errors import BadCheckpoint

WEIGHTS = "weights.safetensors"

log = structlog.get_logger(__name__)


def kept_options(analysis: Analysis) -> SpottingOptions | None:
    """Read the options kept with an analysis; those of earlier releases have none."""
    kept = analysis.checkpoint.get(SPOTTING)
    if not isinstance(kept, dict):
        return None
    try:
        return SpottingOptions.from_dict(kept)
    except BadCheckpoint:  # of a later release
        return None


def options_of(
    session: Session, storage: Storage, analysis: Analysis
) -> SpottingOptions:
    """Give the options of an analysis, those that make of its curves what is stored.

    Raises:
        AnalysisTooOld: they are not known.
        NoTimeline, ScoresNotFound: the curves are needed to know, and they are gone.
    """
    kept = kept_options(analysis)
    if kept is None:
        raise AnalysisTooOld(
            "This timeline was made by an earlier release, which did not keep what "
            "other thresholds need, and its model is not installed any more. Run the "
            "video again to try other thresholds.",
            model=analysis.checkpoint.get("name"),
        )
    is_found = SPOTTING_IS_FOUND in analysis.checkpoint
    if is_found and not _makes_the_same(session, storage, analysis, kept):
        raise AnalysisTooOld(
            "This timeline was made by an earlier release, and the installed model "
            "would make other events of its score curves. Run the video again to try "
            "other thresholds.",
            model=analysis.checkpoint.get("name"),
        )
    return kept


def why_fixed(
    session: Session, storage: Storage, analysis: Analysis
) -> RequestProblem | None:
    """Say why an analysis can have no other thresholds than it was made with."""
    try:
        options_of(session, storage, analysis)
    except (AnalysisTooOld, NoTimeline, ScoresNotFound) as problem:
        return problem
    if analysis.scores_key is None or not storage.exists(analysis.scores_key):
        return scores_not_found()
    return None


def own_thresholds(analysis: Analysis) -> Mapping[str, float]:
    """Give the thresholds of the checkpoint that ran; none if they are not known."""
    kept = kept_options(analysis)
    labels = {} if kept is None else kept.labels
    return {label: one.threshold for label, one in labels.items()}


def labels_of(analysis: Analysis, storage: Storage) -> tuple[str, ...]:
    """Name the types that an analysis tells apart.

    Raises:
        NoTimeline, ScoresNotFound: they stand in the curves alone, which are gone.
    """
    kept = kept_options(analysis)
    if kept is not None:
        return tuple(kept.labels)
    return stored_curves(analysis, storage).labels


def weights_of(manifest: Manifest) -> str | None:
    """Give the SHA-256 of a checkpoint's weights, if it has them."""
    file = manifest.files.get(WEIGHTS)
    return file.sha256 if file else None


def find_lost_options(sessions: Sessions, settings: Settings) -> int:
    """Give analyses of earlier releases the options of the same installed weights.

    The checkpoint may have been calibrated anew since; whether they are the right
    ones is seen when they are used.

    Returns:
        How many analyses have options now that had none.
    """
    with sessions.begin() as session:
        without = session.scalars(without_options()).all()
        if not without:
            return 0
        installed = {
            weights_of(entry.manifest): entry.manifest
            for entry in list_models(settings)
            if entry.manifest is not None
        }
        found = 0
        for analysis in without:
            weights = analysis.checkpoint.get("sha256")
            manifest = installed.get(str(weights)) if weights else None
            if manifest is not None:
                options = manifest.spotting.to_dict()
                analysis.checkpoint = {
                    **analysis.checkpoint,
                    SPOTTING: options,
                    SPOTTING_IS_FOUND: True,
                }
                found += 1
    log.info("spotting_options_found", found=found, missing=len(without) - found)
    return found


def _makes_the_same(
    session: Session, storage: Storage, analysis: Analysis, options: SpottingOptions
) -> bool:
    found, _ = spots_from_curves(storage, analysis, options, thresholds={})
    rows = session.execute(events_of(analysis.video_id, analysis.id, EventFilter()))
    stored = sorted((time_ms, label, frame) for _, time_ms, frame, label, *_ in rows)
    return stored == sorted(
        (round(spot.time_s * 1000), spot.label, spot.frame) for spot in found
    )
