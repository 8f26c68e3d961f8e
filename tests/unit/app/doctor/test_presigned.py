"""`touchline doctor` loads an object as clients do, from a real server."""

from functools import partial
from pathlib import Path

import pytest

from app.doctor.buckets import check_bucket
from app.doctor.findings import State, run_checks
from app.doctor.presigned import check_presigned
from tests.api_server import make_settings
from tests.azure_server import AzureOfTests
from tests.bucket_storage import use_server
from tests.reverse_proxy import READY, nginx_with
from tests.s3_server import S3OfTests
from tests.services import free_port

# Unlike what the documents ask for, it sends the server's own name as Host.
OTHER_HOST = """\
  server {{
    listen 127.0.0.1:{port};
    location = {ready} {{ return 200 "hello"; }}
    location / {{ proxy_pass {upstream}; }}
  }}
"""


def test_a_service_that_signs_nothing_is_well(tmp_path: Path) -> None:
    found = check_presigned(make_settings(data_dir=tmp_path))

    assert (found.state, found.words[:4]) == (State.OK, "none")


@pytest.mark.costly
@pytest.mark.slow
def test_an_address_is_tried_as_clients_see_it(
    s3: S3OfTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_server(s3, monkeypatch)
    bucket = s3.fresh_bucket()

    def check(endpoint: str) -> tuple[State, str]:
        settings = make_settings(
            data_dir=tmp_path,
            storage=f"s3://{bucket}/ours",
            presigned_downloads=True,
            presigned_endpoint=endpoint,
        )
        found = check_presigned(settings)
        return found.state, found.remedy

    good = check(s3.url.replace("127.0.0.1", "localhost"))
    away = check(f"http://127.0.0.1:{free_port()}")
    port = free_port()
    inner = OTHER_HOST.format(port=port, ready=READY, upstream=s3.url)
    with nginx_with(inner, tmp_path, port=port) as url:
        changed = check(url)

    assert good == (State.OK, "")
    assert away[0] is State.WARNING
    assert changed[0] is State.PROBLEM
    assert "pass Host" in changed[1]
    assert s3.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.slow
def test_an_address_on_azure_is_tried(
    azure: AzureOfTests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_server(azure, monkeypatch)
    address = azure.fresh_address()
    settings = make_settings(
        data_dir=tmp_path, storage=f"{address}/ours", presigned_uploads=True
    )

    loaded, bucket = check_presigned(settings), check_bucket(settings)

    assert (loaded.state, bucket.state) == (State.OK, State.OK), (loaded, bucket)
    assert azure.names(address) == ([], [])


def test_a_key_that_signing_needs_is_asked_for(
    tmp_path: Path,
) -> None:
    settings = make_settings(
        data_dir=tmp_path, storage="gs://club", presigned_downloads=True
    )

    found = list(run_checks([("presigned", partial(check_presigned, settings))]))

    assert [one.state for one in found] == [State.PROBLEM]
    assert "TOUCHLINE_GOOGLE_HMAC_SECRET" in found[0].words
