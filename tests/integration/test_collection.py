"""Each request of the collection, sent as Postman does, is one that the API takes."""

import json
from typing import Any

import httpx
import pytest

from app.cli.api import _document
from app.cli.collection import NOW, postman_collection
from app.core.db.base import utc_now
from tests.api_server import RunningApi

FILE = b"bytes of a file"


def collected() -> list[dict[str, Any]]:
    made = postman_collection(_document())
    return [item["request"] for folder in made["item"] for item in folder["item"]]


@pytest.mark.parametrize(
    "wanted",
    collected(),
    ids=lambda one: f"{one['method']} {one['url']['raw'].removeprefix('{{baseUrl}}')}",
)
def test_a_request_is_understood(api: RunningApi, wanted: dict[str, Any]) -> None:
    request = _as_sent(api.url, wanted)

    with api.client.stream(
        request.method,
        str(request.url),
        headers=request.headers,
        content=request.read(),
    ) as answer:
        code = ""
        if answer.status_code >= 400:
            code = json.loads(answer.read())["type"].rpartition("/")[2]

    assert answer.status_code not in (400, 405, 412, 415, 428, 500), code
    if code == "invalid-request":  # a file of no bytes, or the like
        assert wanted.get("body", {}).get("mode") == "file"
    assert code != "not-found", wanted["url"]["raw"]


def _as_sent(base: str, wanted: dict[str, Any]) -> httpx.Request:
    url = wanted["url"]["raw"].replace("{{baseUrl}}", base)
    for one in wanted["url"]["variable"]:
        url = url.replace(f":{one['key']}", one["value"])
    headers = {
        one["key"]: one["value"]
        for one in wanted["header"]
        if not one.get("disabled", False)
    }
    body = wanted.get("body", {})
    match body.get("mode"):
        case "raw":
            text = body["raw"].replace(NOW, utc_now().isoformat())
            return httpx.Request(
                wanted["method"], url, headers=headers, content=text.encode()
            )
        case "file":
            return httpx.Request(wanted["method"], url, headers=headers, content=FILE)
        case "formdata":
            fields = body["formdata"]
            kept = [one for one in fields if not one.get("disabled", False)]
            files = {
                one["key"]: ("match.mp4", FILE) for one in kept if one["type"] == "file"
            }
            return httpx.Request(wanted["method"], url, headers=headers, files=files)
    return httpx.Request(wanted["method"], url, headers=headers)
