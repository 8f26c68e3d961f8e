"""Saved thresholds over HTTP: for a video, for a model, and what cannot be saved."""

import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.timelines.suggestions import suggestions_of
from app.timelines.tables import Analysis
from model.checkpoint.archive import Checkpoint
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from tests.api_server import RunningApi
from tests.integration.analyses import analyse
from tests.integration.uploaded import Uploaded
from tests.unit.model.spotting.test_spot_stream import draw_timeline

OWN = {"PASS": 0.3, "DRIVE": 0.45}
OPTIONS = SpottingOptions(
    {label: LabelOptions(value, window_s=0.25) for label, value in OWN.items()}
)


@pytest.fixture
def video(api: RunningApi) -> Uploaded:
    answer = api.client.post("/videos", files={"file": b"the bytes of a video"})
    body = answer.json()
    ids = UUID(body["id"]), UUID(body["job"]["id"])
    return Uploaded(*ids, api.service.sessions)


@pytest.fixture
def analysis(api: RunningApi, video: Uploaded) -> Analysis:
    return analyse(video, draw_timeline(1), OPTIONS, storage=api.service.storage)


def test_at_first_the_checkpoints_thresholds_are_in_force(
    api: RunningApi, video: Uploaded, analysis: Analysis
) -> None:
    body = _get(api, f"/videos/{video.video_id}/thresholds")

    assert body["model"] == "drawn"
    assert body["fixed"] is None
    assert body["types"] == [_row("PASS", 0.3), _row("DRIVE", 0.45)]


def test_saved_thresholds_of_a_video_are_in_force_until_they_are_taken_back(
    api: RunningApi, video: Uploaded, analysis: Analysis
) -> None:
    path = f"/videos/{video.video_id}/thresholds"
    before = _suggested(api, analysis)

    put = api.client.put(path, json={"thresholds": {"PASS": 0.1, "DRIVE": None}})

    assert put.status_code == 200, put.text
    assert put.json() == _get(api, path)
    assert put.json()["types"] == [
        {**_row("PASS", 0.3), "threshold": 0.1, "video": 0.1},
        _row("DRIVE", 0.45),
    ]
    assert len(_suggested(api, analysis)) > len(before)
    again = api.client.put(path, json={"thresholds": {}})
    assert again.json()["types"][0] == _row("PASS", 0.3)
    assert _suggested(api, analysis) == before


def test_thresholds_of_a_model_are_in_force_for_its_videos(
    api: RunningApi, video: Uploaded, checkpoint: Path
) -> None:
    manifest = _install(api, checkpoint)
    analysis = analyse(
        video,
        draw_timeline(1),
        OPTIONS,
        storage=api.service.storage,
        weights=manifest.files["weights.safetensors"].sha256,
    )
    before = _suggested(api, analysis)

    put = api.client.put("/models/tiny/thresholds", json={"thresholds": {"PASS": 0.1}})

    assert put.status_code == 200, put.text
    assert put.json() == _get(api, "/models/tiny/thresholds")
    assert put.json()["types"][0] == {
        **_row("PASS", 0.0),
        "threshold": 0.1,
        "model": 0.1,
    }
    body = _get(api, f"/videos/{video.video_id}/thresholds")
    assert body["types"][0] == {**_row("PASS", 0.3), "threshold": 0.1, "model": 0.1}
    assert len(_suggested(api, analysis)) > len(before)
    api.client.put(
        f"/videos/{video.video_id}/thresholds", json={"thresholds": {"PASS": 0.3}}
    )
    assert _suggested(api, analysis) == before


@pytest.mark.parametrize("of", ["video", "model"])
def test_thresholds_that_others_saved_since_are_not_replaced_unseen(
    api: RunningApi, video: Uploaded, analysis: Analysis, checkpoint: Path, of: str
) -> None:
    path = f"/videos/{video.video_id}/thresholds"
    if of == "model":
        path = (
            f"/models/{api.client.get('/models').json()['items'][0]['name']}/thresholds"
        )
    label = api.client.get(path).json()["types"][0]["type"]
    seen = api.client.get(path).headers["etag"]
    first = _put(api, path, {label: 0.2}, seen)

    late = _put(api, path, {label: 0.6}, seen)

    assert first.status_code == 200, first.text
    assert first.headers["etag"] == api.client.get(path).headers["etag"] != seen
    assert late.status_code == 412
    assert late.json()["type"].endswith("thresholds-changed")
    assert late.json()["current"]["types"][0][of] == 0.2
    assert _get(api, path)["types"][0][of] == 0.2
    assert _put(api, path, {label: 0.6}, late.json()["etag"]).status_code == 200
    assert _put(api, path, {}, "*").status_code == 200


def _put(
    api: RunningApi, path: str, thresholds: dict[str, float], etag: str
) -> httpx.Response:
    headers = {"if-match": etag}
    return api.client.put(path, json={"thresholds": thresholds}, headers=headers)


@pytest.mark.parametrize(
    ("thresholds", "kind"),
    [
        ('{"HEADER": 0.5}', "unknown-type"),
        ('{"pass": null}', "unknown-type"),
        ('{"": 0.5}', "unknown-type"),
        ('{"PASS": 1.01}', "invalid-request"),
        ('{"PASS": -0.01}', "invalid-request"),
        ('{"PASS": NaN}', "invalid-request"),
        ('{"PASS": Infinity}', "invalid-request"),
        ('{"PASS": "high"}', "invalid-request"),
        ('{"PASS": true}', "invalid-request"),
        ("[0.5]", "invalid-request"),
    ],
)
def test_what_is_no_threshold_is_refused_and_changes_nothing(
    api: RunningApi,
    video: Uploaded,
    analysis: Analysis,
    checkpoint: Path,
    thresholds: str,
    kind: str,
) -> None:
    _install(api, checkpoint)
    for path in (
        f"/videos/{video.video_id}/thresholds",
        "/models/tiny/thresholds",
    ):
        api.client.put(path, json={"thresholds": {"PASS": 0.2}})
        before = _get(api, path)

        answer = api.client.put(
            path,
            content=f'{{"thresholds": {thresholds}}}',
            headers={"content-type": "application/json"},
        )

        assert answer.status_code == 422, path
        assert answer.json()["type"] == f"/problems/{kind}"
        if kind == "unknown-type":
            assert answer.json()["types"][:2] == ["PASS", "DRIVE"]
        assert _get(api, path) == before


def test_a_video_without_a_timeline_has_no_thresholds(
    api: RunningApi, video: Uploaded
) -> None:
    path = f"/videos/{video.video_id}/thresholds"

    for answer in (api.client.get(path), api.client.put(path, json={})):
        assert answer.json()["type"] == "/problems/no-timeline"


@pytest.mark.parametrize("name", ["nothing", "tiny%00", ".."])
def test_a_model_that_is_not_installed_has_no_thresholds(
    api: RunningApi, name: str
) -> None:
    for answer in (
        api.client.get(f"/models/{name}/thresholds"),
        api.client.put(f"/models/{name}/thresholds", json={}),
    ):
        assert answer.status_code == 404


def test_without_curves_thresholds_can_be_taken_back_but_not_saved(
    api: RunningApi, video: Uploaded, analysis: Analysis
) -> None:
    path = f"/videos/{video.video_id}/thresholds"
    api.client.put(path, json={"thresholds": {"PASS": 0.1}})
    assert analysis.scores_key is not None
    api.service.storage.delete(analysis.scores_key)

    refused = api.client.put(path, json={"thresholds": {"PASS": 0.2}})
    body = _get(api, path)
    taken_back = api.client.put(path, json={})

    assert refused.json()["type"] == "/problems/scores-not-found"
    assert "run the video again" in body["fixed"]
    assert body["types"][0]["video"] == 0.1
    assert taken_back.status_code == 200
    assert taken_back.json()["types"][0] == _row("PASS", 0.3)


def test_an_analysis_of_before_says_why_its_thresholds_are_fixed(
    api: RunningApi, video: Uploaded
) -> None:
    analyse(
        video,
        draw_timeline(1),
        OPTIONS,
        storage=api.service.storage,
        keeps_options=False,
    )
    path = f"/videos/{video.video_id}/thresholds"

    body = _get(api, path)
    refused = api.client.put(path, json={"thresholds": {"PASS": 0.2}})

    assert "earlier release" in body["fixed"]
    assert [row["threshold"] for row in body["types"]] == [None, None]
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/analysis-too-old"
    assert api.client.get(f"/videos/{video.video_id}/events").status_code == 200


def _row(label: str, own: float) -> dict[str, Any]:
    return {
        "type": label,
        "threshold": own,
        "video": None,
        "model": None,
        "checkpoint": own,
    }


def _get(api: RunningApi, path: str) -> dict[str, Any]:
    answer = api.client.get(path)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def _suggested(api: RunningApi, analysis: Analysis) -> list[object]:
    with api.service.sessions() as session:
        return list(suggestions_of(session, api.service.storage, analysis))


def _install(api: RunningApi, checkpoint: Path) -> Any:
    folder = api.data_dir / "models"
    folder.mkdir(exist_ok=True)
    shutil.copy(checkpoint, folder / "tiny.touchline")
    return Checkpoint.open(checkpoint).manifest
