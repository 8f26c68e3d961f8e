"""Credentials of AWS: what is used while they are being replaced."""

from datetime import timedelta
from pathlib import Path

import pytest

from app.core.errors import StartFailed
from app.core.storage.bucket_clients import AwsAccess, attempts_within

FILE = "[default]\naws_access_key_id = {}\naws_secret_access_key = secret\n"


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one file that holds any."""
    path = tmp_path / "credentials"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    return path


def after_a_minute(access: AwsAccess) -> str:
    access._read_at_s = float("-inf")
    return access()["access_key_id"]


@pytest.mark.parametrize(
    "half_written", ["", "[default\naws_acc", "[default]\naws_access_key_id = new"]
)
def test_credentials_whose_file_is_half_written_are_those_of_before(
    credentials: Path, half_written: str
) -> None:
    credentials.write_text(FILE.format("old"))
    access = AwsAccess("s3://bucket")
    assert after_a_minute(access) == "old"
    client = access.client()

    credentials.write_text(half_written)
    assert after_a_minute(access) == "old"
    assert access.client() is client
    credentials.unlink()
    assert after_a_minute(access) == "old"

    credentials.write_text(FILE.format("new"))
    assert after_a_minute(access) == "new"
    assert access.client() is not client


@pytest.mark.parametrize("text", [None, "", "[default\naws_acc"])
def test_a_start_without_credentials_says_what_to_do(
    credentials: Path, text: str | None
) -> None:
    if text is not None:
        credentials.write_text(text)

    with pytest.raises(StartFailed, match="no credentials for s3://bucket"):
        AwsAccess("s3://bucket")()


@pytest.mark.parametrize(
    ("seconds", "attempts"), [(0, 1), (1, 3), (10, 6), (120, 17), (10**9, 100)]
)
def test_requests_are_tried_for_about_as_long_as_is_wished(
    seconds: int, attempts: int
) -> None:
    assert attempts_within(timedelta(seconds=seconds)) == attempts
