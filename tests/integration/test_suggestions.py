"""Suggestions: the stored events, and the same from the stored curves."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import Session

from app.core.db.session import Sessions
from app.core.errors import InvalidRequest, UnknownType
from app.core.settings import Settings
from app.core.storage.interface import Storage
from app.timelines.curve_spots import with_thresholds
from app.timelines.problems import AnalysisTooOld, ScoresNotFound
from app.timelines.queries import EventFilter, events_of
from app.timelines.spotting_options import find_lost_options
from app.timelines.suggestions import Suggestion, suggestion_id, suggestions_of
from app.timelines.tables import Analysis
from app.timelines.thresholds import save_for_model, save_for_video, weights_key
from model.checkpoint.archive import Checkpoint
from model.checkpoint.spotting_options import LabelOptions, NmsKind, SpottingOptions
from model.spotting.timeline import Timeline
from tests.integration.analyses import analyse
from tests.integration.uploaded import Uploaded, upload
from tests.unit.model.spotting.test_spot_stream import draw_timeline

SIDES = ("left", "right")
OWN = {"PASS": 0.3, "DRIVE": 0.45}
NMS: tuple[NmsKind, NmsKind] = ("greedy", "soft")


@pytest.fixture
def video(tmp_path: Path, sessions: Sessions, storage: Storage) -> Uploaded:
    path = tmp_path / "match.mp4"
    path.write_bytes(b"bytes of a video")
    return upload(path, sessions=sessions, storage=storage)


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    with sessions() as opened:
        yield opened


def options_of(nms: NmsKind = "greedy", temperature: float = 1.5) -> SpottingOptions:
    labels = {
        label: LabelOptions(threshold, window_s=0.25, nms=nms)
        for label, threshold in OWN.items()
    }
    return SpottingOptions(labels, temperature=temperature)


def stored_rows(session: Session, analysis: Analysis) -> list[Suggestion]:
    """Read the events as they were copied into the table, row by row."""
    rows = session.execute(events_of(analysis.video_id, analysis.id, EventFilter()))
    return [
        Suggestion(
            suggestion_id(analysis.video_id, label, frame),
            *(label, time_ms, frame, score, team),
        )
        for _, time_ms, frame, label, score, team, _ in rows
    ]


@pytest.mark.parametrize("outputs", ["", "d", "t", "dt"])
@pytest.mark.parametrize("nms", NMS)
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_the_checkpoints_own_thresholds_give_the_stored_events_to_the_bit(
    video: Uploaded,
    session: Session,
    storage: Storage,
    outputs: str,
    nms: NmsKind,
    seed: int,
) -> None:
    raw = draw_timeline(seed, outputs=outputs)
    analysis = analyse(video, raw, options_of(nms), storage=storage, sides=SIDES)
    rows = stored_rows(session, analysis)

    from_rows = suggestions_of(session, storage, analysis)
    from_curves = [
        one
        for one in suggestions_of(session, storage, analysis, ghosts=True)
        if not one.is_ghost
    ]

    assert len(rows) > 10
    assert from_rows == rows
    assert from_curves == rows


@pytest.mark.parametrize("nms", NMS)
@pytest.mark.parametrize("outputs", ["", "dt"])
def test_other_thresholds_give_what_a_run_with_them_would_have_stored(
    tmp_path: Path,
    video: Uploaded,
    sessions: Sessions,
    session: Session,
    storage: Storage,
    nms: NmsKind,
    outputs: str,
) -> None:
    raw, options = draw_timeline(2, outputs=outputs), options_of(nms)
    analysis = analyse(video, raw, options, storage=storage, sides=SIDES)
    lower = with_thresholds(options, {"PASS": 0.02})
    again = upload(tmp_path / "match.mp4", sessions=sessions, storage=storage)
    other = analyse(again, raw, lower, storage=storage, sides=SIDES)

    found = suggestions_of(session, storage, analysis, thresholds={"PASS": 0.02})

    expected = stored_rows(session, other)
    assert _facts(found) == _facts(expected)
    assert len(found) > len(stored_rows(session, analysis))


@pytest.mark.parametrize("nms", NMS)
@pytest.mark.parametrize("outputs", ["", "d"])
def test_ghosts_lie_between_the_floor_and_their_threshold_and_change_nothing_else(
    video: Uploaded, session: Session, storage: Storage, nms: NmsKind, outputs: str
) -> None:
    raw = draw_timeline(1, outputs=outputs)
    analysis = analyse(video, raw, options_of(nms), storage=storage)

    found = suggestions_of(session, storage, analysis, ghosts=True, ghost_floor=0.2)

    ghosts = [one for one in found if one.is_ghost]
    assert [one for one in found if not one.is_ghost] == stored_rows(session, analysis)
    assert ghosts
    for one in ghosts:
        assert np.float32(0.2) <= one.score <= np.float32(OWN[one.label])
    if nms == "greedy":
        for one in found:
            near = [
                other
                for other in found
                if other.label == one.label and abs(other.time_ms - one.time_ms) < 249
            ]
            assert near == [one]
    assert len({one.id for one in found}) == len(found)
    assert [one.time_ms for one in found] == sorted(one.time_ms for one in found)


def test_a_type_whose_threshold_is_below_the_floor_has_no_ghosts(
    video: Uploaded, session: Session, storage: Storage
) -> None:
    analysis = analyse(video, draw_timeline(1), options_of(), storage=storage)

    found = suggestions_of(
        session, storage, analysis, thresholds={"PASS": 0.05}, ghosts=True
    )

    assert {one.label for one in found if one.is_ghost} == {"DRIVE"}
    assert min(one.score for one in found if one.label == "PASS") < 0.1


def test_a_suggestion_has_one_id_in_every_run_at_every_threshold(
    video: Uploaded, session: Session, storage: Storage
) -> None:
    analysis = analyse(video, draw_timeline(1), options_of(), storage=storage)
    ghosts = suggestions_of(session, storage, analysis, ghosts=True)

    lower = dict.fromkeys(OWN, 0.1)
    found = suggestions_of(session, storage, analysis, thresholds=lower)

    assert [one.id for one in found] == [one.id for one in ghosts]
    assert not any(one.is_ghost for one in found)


def test_what_was_asked_for_comes_before_the_videos_before_the_models(
    video: Uploaded, session: Session, storage: Storage
) -> None:
    analysis = analyse(video, draw_timeline(1), options_of(), storage=storage)
    project = video.video().project_id
    key = weights_key(analysis.checkpoint)

    def lowest() -> dict[str, float]:
        found = suggestions_of(session, storage, analysis, thresholds=asked)
        return {
            label: min(one.score for one in found if one.label == label)
            for label in OWN
        }

    asked: dict[str, float] = {}
    own = lowest()
    save_for_model(
        session, key, {"PASS": 0.1, "DRIVE": 0.1}, project_id=project, author="me"
    )
    of_model = lowest()
    save_for_video(session, analysis, {"PASS": 0.2}, author="me")
    of_video = lowest()
    asked = {"PASS": 0.05}
    of_request = lowest()

    assert own["PASS"] >= 0.3
    assert own["DRIVE"] >= 0.44
    assert 0.1 <= of_model["PASS"] < 0.2
    assert 0.1 <= of_model["DRIVE"] < 0.2
    assert 0.2 <= of_video["PASS"] < 0.3
    assert of_video["DRIVE"] == of_request["DRIVE"] == of_model["DRIVE"]
    assert 0.05 <= of_request["PASS"] < 0.1


def test_saved_thresholds_of_other_weights_or_types_change_nothing(
    video: Uploaded, session: Session, storage: Storage
) -> None:
    analysis = analyse(video, draw_timeline(1), options_of(), storage=storage)
    project = video.video().project_id
    save_for_model(session, "beef", {"PASS": 0.0}, project_id=project, author="me")
    save_for_video(session, analysis, {"HEADER": 0.0}, author="me")
    session.flush()

    assert suggestions_of(session, storage, analysis) == stored_rows(session, analysis)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_threshold_that_cannot_be_is_refused(
    video: Uploaded, session: Session, storage: Storage, value: float
) -> None:
    analysis = analyse(video, draw_timeline(1), options_of(), storage=storage)

    with pytest.raises(InvalidRequest, match="PASS"):
        suggestions_of(session, storage, analysis, thresholds={"PASS": value})


def test_a_threshold_of_an_unknown_type_is_answered_with_the_known_ones(
    video: Uploaded, session: Session, storage: Storage
) -> None:
    analysis = analyse(video, draw_timeline(1), options_of(), storage=storage)

    with pytest.raises(UnknownType, match="PASS, DRIVE"):
        suggestions_of(session, storage, analysis, thresholds={"pass": 0.5})


@pytest.mark.parametrize("harm", ["lost", "damaged"])
def test_without_curves_there_are_the_stored_events_and_no_others(
    video: Uploaded, session: Session, storage: Storage, harm: str
) -> None:
    # A timeline of its own: what other tests asked for may still be in memory.
    raw = draw_timeline(1000 + len(harm))
    analysis = analyse(video, raw, options_of(), storage=storage)
    assert analysis.scores_key is not None
    if harm == "lost":
        storage.delete(analysis.scores_key)
    else:
        storage.put(analysis.scores_key, b"something else")

    own = suggestions_of(session, storage, analysis, thresholds=OWN)

    assert own == stored_rows(session, analysis)
    for asked in ({"thresholds": {"PASS": 0.1}}, {"ghosts": True}):
        with pytest.raises(ScoresNotFound, match="run the video again"):
            suggestions_of(session, storage, analysis, **asked)


def test_an_analysis_of_before_takes_the_options_of_the_same_weights(
    video: Uploaded,
    sessions: Sessions,
    session: Session,
    storage: Storage,
    settings: Settings,
    models: Path,
) -> None:
    manifest = Checkpoint.open(models / "tiny.touchline").manifest
    weights = manifest.files["weights.safetensors"].sha256
    raw = _with_labels(draw_timeline(1), manifest.labels)
    analyse(
        video,
        raw,
        manifest.spotting,
        storage=storage,
        weights=weights,
        keeps_options=False,
    )
    assert find_lost_options(sessions, settings) == 1
    analysis = video.analysis()

    found = suggestions_of(session, storage, analysis, thresholds={"PASS": 0.5})

    rows = stored_rows(session, analysis)
    assert {one.threshold for one in manifest.spotting.labels.values()} == {0.0}
    assert found == [one for one in rows if one.label != "PASS" or one.score >= 0.5]
    assert len(found) < len(rows)
    assert find_lost_options(sessions, settings) == 0


@pytest.mark.parametrize("weights", ["calibrated anew", "unknown", ""])
def test_an_analysis_of_before_that_cannot_be_made_again_says_so(
    video: Uploaded,
    sessions: Sessions,
    session: Session,
    storage: Storage,
    settings: Settings,
    models: Path,
    weights: str,
) -> None:
    manifest = Checkpoint.open(models / "tiny.touchline").manifest
    if weights == "calibrated anew":
        weights = manifest.files["weights.safetensors"].sha256
    raw = _with_labels(draw_timeline(1), manifest.labels)
    before = replace(
        manifest.spotting,
        labels={label: LabelOptions(0.1, 2.0) for label in manifest.labels},
    )
    analyse(video, raw, before, storage=storage, weights=weights, keeps_options=False)
    find_lost_options(sessions, settings)
    analysis = video.analysis()

    assert suggestions_of(session, storage, analysis)
    for asked in ({"thresholds": {"PASS": 0.5}}, {"ghosts": True}):
        with pytest.raises(AnalysisTooOld, match="Run the video again"):
            suggestions_of(session, storage, analysis, **asked)


def _with_labels(timeline: Timeline, labels: tuple[str, ...]) -> Timeline:
    """Add curves of further labels, which nothing ever happens of."""
    more = len(labels) - len(timeline.labels)
    empty = np.zeros((len(timeline), more), np.float32)
    return replace(timeline, labels=labels, scores=np.hstack((timeline.scores, empty)))


def _facts(found: list[Suggestion]) -> list[tuple[object, ...]]:
    return [(one.label, one.time_ms, one.frame, one.score, one.team) for one in found]
