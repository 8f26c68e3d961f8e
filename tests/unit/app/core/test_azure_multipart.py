"""What is said of a container of Azure's that takes no uploads in parts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from app.core.storage import azure_account, azure_multipart
from app.core.storage.addresses import BucketAddress
from app.core.storage.azure_account import AzureAccount, find_azure_account
from app.core.storage.azure_multipart import AzureMultipart, block_id, blocks_path
from app.core.storage.interface import StorageRefused, StorageUnavailable
from app.core.storage.multipart import BucketPart
from tests.azure_server import AzureOfTests

pytestmark = pytest.mark.slow

PATH = "uploads/a/part"


@pytest.fixture
def account(azure: AzureOfTests, monkeypatch: pytest.MonkeyPatch) -> AzureAccount:
    monkeypatch.setattr(azure_account, "RETRIES", 0)
    return find_azure_account(BucketAddress("az", "club"), azure.environment())


def asks(uploads: AzureMultipart) -> list[Callable[[], object]]:
    upload_id = uploads.create(PATH)
    parts = [BucketPart(1, 1, block_id(upload_id, 1))]
    return [
        lambda: uploads.parts(PATH, upload_id),
        lambda: uploads.complete(PATH, upload_id, parts),
        lambda: uploads.abort(PATH, upload_id),
        lambda: list(uploads.unfinished("uploads", older_than=timedelta(0))),
    ]


def test_a_key_that_is_wrong_is_refused(
    azure: AzureOfTests, account: AzureAccount
) -> None:
    address = BucketAddress("az", azure.fresh_container())
    uploads = AzureMultipart(address, replace(account, key="bm9uZQ=="))

    for ask in asks(uploads):
        with pytest.raises(StorageRefused, match="missing, wrong or may not"):
            ask()


def test_a_container_that_is_not_there_is_told(account: AzureAccount) -> None:
    uploads = AzureMultipart(BucketAddress("az", f"touchline-{uuid4().hex}"), account)

    for ask in asks(uploads):
        with pytest.raises(StorageUnavailable, match="make the bucket"):
            ask()


def test_a_server_that_does_not_answer_is_unavailable(account: AzureAccount) -> None:
    away = replace(account, url="http://127.0.0.1:9/devstoreaccount1")

    for ask in asks(AzureMultipart(BucketAddress("az", "club"), away)):
        with pytest.raises(StorageUnavailable, match="does not answer"):
            ask()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["pending", "pending", "success"], None),
        (["pending", "failed"], "did not copy"),
        (["pending", "pending"], "complete it later"),
    ],
)
def test_a_copy_that_takes_its_time_is_waited_for(
    azure: AzureOfTests,
    account: AzureAccount,
    monkeypatch: pytest.MonkeyPatch,
    told: list[str],
    said: str | None,
) -> None:
    """Azurite copies at once, so what it would tell of a slow copy is made up."""
    container = azure.fresh_container()
    uploads = AzureMultipart(BucketAddress("az", container), account)
    upload_id, answers = uploads.create(PATH), iter([None, *told])
    blocks = account.container(container).get_blob_client(blocks_path(PATH, upload_id))
    blocks.stage_block(block_id(upload_id, 1), b"x")
    parts = uploads.parts(PATH, upload_id)
    monkeypatch.setattr(azure_multipart, "_copy_status", lambda _: next(answers))
    monkeypatch.setattr(azure_multipart, "LOOK_EVERY_S", 0.01)
    if told[-1] == "pending":
        monkeypatch.setattr(azure_multipart, "COPY_WAIT_S", 0.0)

    if said is None:
        uploads.complete(PATH, upload_id, parts)
    else:
        with pytest.raises(StorageUnavailable, match=said):
            uploads.complete(PATH, upload_id, parts)

    is_kept = said is not None
    assert [one.number for one in uploads.parts(PATH, upload_id)] == [1] * is_kept
