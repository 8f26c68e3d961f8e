"""`touchline doctor` tries the bucket that videos are kept in: a real server's."""

from pathlib import Path

import pytest

from app.core.settings import Settings
from app.doctor import buckets
from app.doctor.buckets import check_bucket, check_source_buckets
from app.doctor.findings import State
from tests.api_server import make_settings
from tests.bucket_proxy import EXPIRED, bucket_proxy
from tests.bucket_storage import use_server
from tests.s3_server import S3OfTests


def settings_of(folder: Path, **values: object) -> Settings:
    return make_settings(data_dir=folder, **values)


def test_a_service_without_a_bucket_is_well(tmp_path: Path) -> None:
    found = check_bucket(settings_of(tmp_path))

    assert (found.state, found.words[:4]) == (State.OK, "none")
    assert list(check_source_buckets(settings_of(tmp_path))) == []


@pytest.mark.slow
def test_a_bucket_that_takes_all_is_well_and_nothing_stays_in_it(
    s3: S3OfTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_server(s3, monkeypatch)
    bucket = s3.fresh_bucket()

    found = check_bucket(settings_of(tmp_path, storage=f"s3://{bucket}/ours"))

    assert found.state is State.OK, found
    client = s3.client()
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert "Uploads" not in client.list_multipart_uploads(Bucket=bucket)


@pytest.mark.slow
def test_a_clock_that_is_off_is_told(
    s3: S3OfTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_server(s3, monkeypatch)
    monkeypatch.setattr(buckets, "NOTABLE_S", -1.0)

    found = check_bucket(settings_of(tmp_path, storage=f"s3://{s3.fresh_bucket()}"))

    assert found.state is State.WARNING
    assert "clock" in found.words


@pytest.mark.costly
@pytest.mark.slow
def test_a_bucket_that_is_not_there_refuses_or_is_away_is_a_problem(
    s3: S3OfTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "PATIENCE", buckets.PATIENCE / 5)
    settings = settings_of(tmp_path, storage=f"s3://{s3.fresh_bucket()}")
    with bucket_proxy(s3) as proxy:
        use_server(proxy.server, monkeypatch)
        missing = check_bucket(settings_of(tmp_path, storage="s3://not-there"))
        with proxy.in_trouble(EXPIRED):
            refused = check_bucket(settings)
    away = check_bucket(settings)

    assert [one.state for one in (missing, refused, away)] == [State.PROBLEM] * 3
    assert "make the bucket" in missing.words
    assert "expired" in refused.words
    assert "does not answer" in away.words


@pytest.mark.slow
def test_each_source_bucket_is_listed(
    s3: S3OfTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_server(s3, monkeypatch)
    there = s3.fresh_bucket()
    settings = settings_of(tmp_path, buckets=f"s3://{there}/cup, s3://not-there")

    good, bad = check_source_buckets(settings)

    assert (good.state, bad.state) == (State.OK, State.PROBLEM)
    assert f"s3://{there}/cup" in good.words
    assert "TOUCHLINE_BUCKETS" in bad.remedy
