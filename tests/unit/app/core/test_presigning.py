"""What presigned addresses are signed with, and what is said where there is nothing."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.core.errors import StartFailed
from app.core.storage.addresses import BucketAddress
from app.core.storage.azure_account import find_azure_account
from app.core.storage.part_uploads import open_multipart, open_part_uploads
from app.core.storage.presigning import make_presigner, open_presigner
from app.core.storage.settings import StorageSettings

KEY = "bm9uZQ=="  # base64
CONTAINER = BucketAddress("az", "club", "videos")
NAMED = {
    "AZURE_STORAGE_ACCOUNT_NAME": "matches",
    "AZURE_STORAGE_ACCOUNT_KEY": KEY,
}
HMAC = {"google_hmac_access_id": "GOOG1E", "google_hmac_secret": "secret"}
DISPOSITION = "attachment; filename=a.mp4"


def settings_of(storage: str | None, **values: Any) -> StorageSettings:
    return StorageSettings.model_validate({"storage": storage, **values})


def signed(settings: StorageSettings) -> tuple[str, dict[str, list[str]]]:
    """Sign a download; gives where it is, and what its query says."""
    presigner = make_presigner(settings)
    url = presigner.download("a/b c", media_type="video/mp4", disposition=DISPOSITION)
    parts = urlsplit(url)
    assert presigner.origin == f"{parts.scheme}://{parts.netloc}"
    return url.partition("?")[0], parse_qs(parts.query)


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NAMED.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"AZURE_STORAGE_ACCOUNT_NAME": "matches"},
        {"AZURE_STORAGE_ACCOUNT_KEY": KEY},
        {"AZURE_STORAGE_ACCOUNT_NAME": "matches", "AZURE_STORAGE_SAS_TOKEN": "sv=1"},
        {
            "AZURE_STORAGE_ACCOUNT_NAME": "matches",
            "AZURE_CLIENT_ID": "a",
            "AZURE_TENANT_ID": "b",
            "AZURE_CLIENT_SECRET": "c",
        },
    ],
)
def test_what_cannot_sign_on_azure_is_told(environment: dict[str, str]) -> None:
    with pytest.raises(StartFailed, match=r"key of the storage account.*Set both"):
        find_azure_account(CONTAINER, environment)


def test_a_key_that_is_none_is_told_and_not_shown() -> None:
    with pytest.raises(StartFailed, match="is not base64") as told:
        find_azure_account(CONTAINER, {**NAMED, "AZURE_STORAGE_ACCOUNT_KEY": "psst!"})

    assert "psst" not in str(told.value)
    assert KEY not in repr(find_azure_account(CONTAINER, NAMED))


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        (NAMED, "https://matches.blob.core.windows.net"),
        (
            {**NAMED, "AZURE_STORAGE_ENDPOINT": "https://b.club.example/"},
            "https://b.club.example",
        ),
        (
            {"AZURE_STORAGE_USE_EMULATOR": "true", "AZURE_STORAGE_ACCESS_KEY": KEY},
            "http://127.0.0.1:10000/devstoreaccount1",
        ),
    ],
)
def test_the_endpoint_of_an_account_is_the_one_of_obstore(
    environment: dict[str, str], url: str
) -> None:
    assert find_azure_account(CONTAINER, environment).url == url


@pytest.mark.usefixtures("azure")
def test_an_address_of_azure_names_type_and_file_and_demands_https() -> None:
    at, query = signed(settings_of("az://club/the videos"))

    assert at == "https://matches.blob.core.windows.net/club/the%20videos/a/b%20c"
    assert query["rsct"] == ["video/mp4"]
    assert query["rscd"] == [DISPOSITION]
    assert (query["sp"], query["sr"], query["spr"]) == (["r"], ["b"], ["https"])
    assert "st" not in query


@pytest.mark.usefixtures("azure")
def test_clients_may_see_azure_elsewhere() -> None:
    at, query = signed(
        settings_of("az://club", presigned_endpoint="http://10.0.0.5:9000")
    )

    assert at == "http://10.0.0.5:9000/club/a/b%20c"
    assert query["spr"] == ["https,http"]


@pytest.mark.parametrize("given", [{}, {"google_hmac_access_id": "GOOG1E"}])
def test_google_signs_with_an_hmac_key_alone(given: dict[str, str]) -> None:
    settings = settings_of("gs://club", presigned_uploads=True, **given)

    for make in (make_presigner, open_part_uploads, open_multipart):
        with pytest.raises(StartFailed, match="gcloud storage hmac create"):
            make(settings)


def test_an_address_of_google_is_one_of_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://s3.elsewhere.example")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    at, query = signed(
        settings_of("gs://club/videos", presigned_expiry=timedelta(minutes=5), **HMAC)
    )

    assert at == "https://storage.googleapis.com/club/videos/a/b%20c"
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Credential"][0].startswith("GOOG1E/")
    assert query["X-Amz-Credential"][0].endswith("/auto/s3/aws4_request")
    assert query["X-Amz-Expires"] == ["300"]
    assert query["response-content-disposition"] == [DISPOSITION]
    assert query["response-content-type"] == ["video/mp4"]


def test_a_part_for_google_is_signed_with_its_size() -> None:
    uploads = open_part_uploads(
        settings_of("gs://club", presigned_uploads=True, **HMAC)
    )
    assert uploads is not None

    url = uploads.presigner.upload_part("uploads/a", "an id", 7, size_bytes=11)

    query = parse_qs(urlsplit(url).query)
    assert (query["partNumber"], query["uploadId"]) == (["7"], ["an id"])
    assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
    assert uploads.multipart.e_tag_of("an id", 7) is None


def test_the_secret_is_not_shown() -> None:
    assert "secret'" not in repr(settings_of("gs://club", **HMAC))


def test_what_is_not_wanted_needs_no_key(tmp_path: Path) -> None:
    settings = settings_of("gs://club", data_dir=tmp_path)

    assert open_presigner(settings) is None
    assert open_part_uploads(settings) is None
    assert open_multipart(settings) is None
