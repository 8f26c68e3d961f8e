"""Uploads by tus onto a disk that fills up: what came is kept, and gone on with."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.core.settings import Settings
from tests.acceptance.own_service import small_disk
from tests.api_server import RunningApi, make_settings, running_api

MIB = 2**20
HEADERS = {"tus-resumable": "1.0.0", "content-type": "application/offset+octet-stream"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    with small_disk(folder, 12 * MIB):
        yield folder


@pytest.fixture
def small_api(disk: Path, database_url: str) -> Iterator[RunningApi]:
    settings = make_settings(data_dir=disk, database_url=database_url)
    with running_api(settings) as running:
        yield running


def test_an_upload_goes_on_once_a_full_disk_has_room_again(
    small_api: RunningApi, disk: Path
) -> None:
    content = os.urandom(8 * MIB)
    begun = small_api.client.post(
        "/uploads", headers={**HEADERS, "upload-length": str(len(content))}
    )
    place = begun.headers["location"]
    ballast = disk / "ballast"
    ballast.write_bytes(b"x" * (8 * MIB))

    full = _patch(small_api, place, [content], 0)
    kept = _offset(small_api, place)
    ballast.unlink()
    last = _patch(small_api, place, [content[kept:]], kept)

    assert begun.status_code == 201
    assert full.status_code == 507
    assert full.json()["type"] == "/problems/storage-full"
    assert full.headers["retry-after"]
    assert "kept" in full.json()["detail"]
    assert 0 < kept < len(content)
    video = small_api.client.get(last.headers["touchline-video"]).json()
    assert video["sha256"] == hashlib.sha256(content).hexdigest()


def test_what_would_leave_the_disk_without_room_is_refused(
    api_settings: Settings,
) -> None:
    values = {**api_settings.model_dump(), "min_free_space": 2**60}

    with running_api(make_settings(**values)) as api:
        begun = api.client.post("/uploads", headers={**HEADERS, "upload-length": "4"})
        fetched = api.client.post("/videos", json={"url": "https://8.8.8.8/a.mp4"})

    assert begun.status_code == fetched.status_code == 507


def _patch(
    api: RunningApi, place: str, pieces: list[bytes], offset: int
) -> httpx.Response:
    """Send bytes without a length, so that nobody knows how many will come."""
    return api.client.patch(
        place, content=iter(pieces), headers={**HEADERS, "upload-offset": str(offset)}
    )


def _offset(api: RunningApi, place: str) -> int:
    return int(api.client.head(place, headers=HEADERS).headers["upload-offset"])
