"""What the API process imports and what its OpenAPI document says."""

import base64
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.core.errors import StartFailed
from app.core.http.problems import all_problems, problem_type
from app.main import create_app
from app.timelines.exports import EXPORTS, JSON_TYPE
from tests.api_server import make_settings

HEAVY = ("torch", "torchvision", "timm", "av", "openvino", "worker", "pyarrow")
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    settings = make_settings(
        data_dir=tmp_path_factory.mktemp("data"),
        database_url="postgresql://nobody@127.0.0.1:1/nothing",
    )
    found: dict[str, Any] = create_app(settings).openapi()
    return found


@pytest.mark.slow
def test_importing_the_api_pulls_in_nothing_heavy() -> None:
    code = (
        "import sys, app.main\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_every_operation_has_a_stable_id_a_summary_and_words(
    document: dict[str, Any],
) -> None:
    operations = _operations(document)

    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(set(ids)) == len(ids)
    assert [one for one in ids if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", one)] == []
    for path, method, operation in operations:
        assert operation["description"], (path, method)
        assert operation["tags"], (path, method)


def test_every_guarded_operation_lists_its_problems(document: dict[str, Any]) -> None:
    for path, method, operation in _operations(document):
        problems = {
            status
            for status, answer in operation["responses"].items()
            if "application/problem+json" in answer.get("content", {})
        }
        if operation.get("security"):
            assert {"401", "403", "422", "500", "503"} <= problems, (path, method)
        if "{" in path:
            assert "404" in problems, (path, method)


def test_every_problem_has_a_status_and_a_slug_of_its_own() -> None:
    kinds = all_problems()

    assert len({kind.slug for kind in kinds}) == len(kinds)
    assert len({kind.title for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert 400 <= kind.status < 600
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.slug)
        assert kind.__doc__


def test_the_document_is_openapi_3_1_and_all_its_references_lead_somewhere(
    document: dict[str, Any],
) -> None:
    assert document["openapi"].startswith("3.1.")
    references = set(_references(document))
    assert "#/components/schemas/Problem" in references
    for reference in references:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_document_has_webhooks_a_key_and_an_upload_form(
    document: dict[str, Any],
) -> None:
    upload = document["paths"]["/videos"]["post"]

    assert set(document["webhooks"]) == {
        *("video.completed", "video.failed", "video.canceled"),
        *("clip.completed", "clip.failed", "clip.canceled"),
        *("training.completed", "training.failed", "training.canceled"),
        *("batch.completed", "batch.failed", "batch.canceled"),
        *("review.completed", "event.created", "ping"),
    }
    assert document["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
    form = upload["requestBody"]["content"]["multipart/form-data"]["schema"]
    fields = {"file", "title", "date", "competition", "callback_url"}
    fields |= {"model", "priority", "parts", "encode"}
    assert set(form["properties"]) == fields
    assert "Location" in upload["responses"]["202"]["headers"]
    parameters = document["paths"]["/videos/{video_id}/events"]["get"]["parameters"]
    assert {one["name"] for one in parameters} == {
        *("video_id", "type", "team", "min_score", "from_s", "to_s"),
        *("order", "limit", "cursor", "format", "state", "source", "if-none-match"),
        *("lead_s", "lag_s", "ghosts", "threshold.TYPE", "halves", "provenance"),
    }


# Of `POST`s that make something or start it: what may be sent again as it is, and why.
SAME_WHEN_SENT_AGAIN = {
    "/videos/sample": "one that is there is answered",
    "/videos/{video_id}/proxy": "one that is being made is answered",
    "/jobs/{job_id}/cancel": "makes nothing",
    "/live/{video_id}/stop": "makes nothing",
    "/trainings/{training_id}/cancel": "makes nothing",
    "/deliveries/{delivery_id}/retry": "makes nothing: a message that is there is sent",
    "/webhooks/{webhook_id}/ping": "a test; two do no harm",
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/retry": "makes nothing",
    "/webhooks/{webhook_id}/replay": "makes nothing",
    "/batches/{batch_id}/items": "what the batch has is not added again",
    "/batches/{batch_id}/cancel": "makes nothing",
    "/batches/{batch_id}/retry": "makes nothing: items that failed wait again",
    "/batches/{batch_id}/resume": "makes nothing",
    "/analyses": "what waits and what is done is left out",
    "/models": "a name that is there is refused",
    "/uploads": "tus: an upload that nobody goes on with expires",
    "/presigned-uploads/{upload_id}/complete": "the video that is there is answered",
    "/api/v1/uploads": "the annotation tool's protocol: it expires as well",
    "/session": "signs in",
}


def test_whatever_creates_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    without = set()
    for path, method, operation in _operations(document):
        takes = {one["name"] for one in operation.get("parameters", ())}
        if "idempotency-key" in takes:
            assert {"409", "422"} <= set(operation["responses"]), path
        elif method == "post" and {"201", "202"} & set(operation["responses"]):
            without.add(path)

    assert without == set(SAME_WHEN_SENT_AGAIN)


def test_lists_link_what_creates_locates_and_what_passes_says_when(
    document: dict[str, Any],
) -> None:
    lists, creating, passing = set(), set(), set()
    for path, method, operation in _operations(document):
        takes = {one["name"] for one in operation.get("parameters", ())}
        for status, answer in operation["responses"].items():
            headers, place = answer["headers"], (path, method, status)
            assert "X-Request-Id" in headers, place
            if status == "200" and method == "get":
                assert ("Link" in headers) == ("cursor" in takes), place
                lists |= {path} if "cursor" in takes else set()
            if "idempotency-key" in takes and status in ("201", "202"):
                creating.add(path)
                assert "Location" in headers, place
            if status in ("429", "503", "507"):
                passing.add((path, status))
                assert "Retry-After" in headers, place

    assert {"/videos", "/videos/{video_id}/events", "/keys", "/live"} <= lists
    assert {"/videos", "/clips", "/trainings", "/api/v1/jobs"} <= creating
    for path in ("/models", "/videos/sample", "/videos/{video_id}/proxy", "/uploads"):
        answers = document["paths"][path]["post"]["responses"]
        made = answers.get("201") or answers["202"]
        assert "Location" in made["headers"], path
    assert {("/readyz", "503"), ("/videos", "507")} <= passing


def test_every_tag_is_described_and_used(document: dict[str, Any]) -> None:
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    used = {
        tag for _, _, operation in _operations(document) for tag in operation["tags"]
    }

    assert used == described


def test_no_schema_is_just_any_object(document: dict[str, Any]) -> None:
    bare = list(_bare_objects(document["components"]["schemas"], "schemas"))
    bare += list(_bare_objects(document["paths"], "paths"))

    assert bare == []


def test_no_two_schemas_have_one_name(document: dict[str, Any]) -> None:
    """FastAPI would tell them apart by their modules, or by `-Input` and `-Output`."""
    names = document["components"]["schemas"]

    assert [name for name in names if not name.isalnum()] == []


def test_what_the_server_itself_refuses_is_documented_everywhere(
    document: dict[str, Any],
) -> None:
    for path, method, operation in _operations(document):
        assert {"408", "431", "503"} <= set(operation["responses"]), (path, method)


def test_each_form_of_events_is_documented(document: dict[str, Any]) -> None:
    answer = document["paths"]["/videos/{video_id}/events"]["get"]["responses"]["200"]

    files = EXPORTS.values()
    assert set(answer["content"]) == {JSON_TYPE, *(one.media_type for one in files)}
    forms = answer["content"][JSON_TYPE]["schema"]["anyOf"]
    assert [form["$ref"].rpartition("/")[2] for form in forms] == [
        *("EventPage", *(one.schema.__name__ for one in files if one.schema))
    ]


def test_what_a_json_file_of_events_holds_is_documented() -> None:
    assert {one.name for one in EXPORTS.values() if one.media_type == JSON_TYPE} == {
        one.name for one in EXPORTS.values() if one.schema is not None
    }


def test_each_file_of_events_has_a_path_that_documents_one_media_type(
    document: dict[str, Any],
) -> None:
    paths = {export.path: export.media_type for export in EXPORTS.values()}
    assert {"events.csv", "events.soccernet.json", "events.vtt"} <= set(paths)

    for path, media_type in paths.items():
        operation = document["paths"][f"/videos/{{video_id}}/{path}"]["get"]
        assert list(operation["responses"]["200"]["content"]) == [media_type]
        names = {parameter["name"] for parameter in operation["parameters"]}
        assert names == {
            *("video_id", "type", "team", "min_score", "from_s", "to_s", "order"),
            *("state", "source", "lead_s", "lag_s", "threshold.TYPE"),
            *("halves", "provenance"),
        }


def test_the_formats_of_a_list_are_json_and_every_file(
    document: dict[str, Any],
) -> None:
    parameters = document["paths"]["/videos/{video_id}/events"]["get"]["parameters"]
    (form,) = [one for one in parameters if one["name"] == "format"]

    assert form["schema"]["enum"] == ["json", *EXPORTS]
    assert form["schema"]["default"] == "json"


def test_problems_stand_where_they_can_occur(document: dict[str, Any]) -> None:
    expected = {
        ("/videos/{video_id}/file", "get"): {"416", "404"},
        ("/videos/{video_id}/jobs", "post"): {"400", "408", "413"},
        ("/videos", "post"): {"400", "408", "413", "415", "507"},
        ("/videos/{video_id}", "patch"): {"400", "404", "408", "412", "413"},
        ("/types", "put"): {"400", "408", "412", "413"},
        ("/videos", "get"): {"401", "403", "408", "431", "503"},
    }

    for (path, method), statuses in expected.items():
        answers = document["paths"][path][method]["responses"]
        assert statuses <= set(answers)
        for status in statuses:
            assert set(answers[status]["content"]) == {"application/problem+json"}


@pytest.mark.parametrize("path", ["/docs", "/"])
def test_pages_allow_no_other_scripts_and_no_frames(tmp_path: Path, path: str) -> None:
    settings = make_settings(
        data_dir=tmp_path, database_url="postgresql://nobody@127.0.0.1:1/nothing"
    )
    page = TestClient(create_app(settings)).get(path)
    policy = page.headers["content-security-policy"]

    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    inline = r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>"
    for script in re.findall(inline, page.text, re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_pages_need_no_network(tmp_path: Path) -> None:
    settings = make_settings(
        data_dir=tmp_path, database_url="postgresql://nobody@127.0.0.1:1/nothing"
    )
    client = TestClient(create_app(settings))

    for address in ("/docs", "/"):
        page = client.get(address)
        assert page.status_code == 200
        assert not re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", page.text)
        links = re.findall(r"(?:src|href)=\"([^\":#]+)\"", page.text)
        assert links
        for link in links:
            assert client.get(f"/{link}").status_code == 200, link
    bundle = client.get("/docs/assets/swagger-ui-bundle.js").text
    assert "3.1." in bundle  # Swagger UI 4 refuses such documents.


def test_each_problem_type_leads_to_its_meaning(tmp_path: Path) -> None:
    settings = make_settings(
        data_dir=tmp_path, database_url="postgresql://nobody@127.0.0.1:1/nothing"
    )
    client = TestClient(create_app(settings))

    for kind in all_problems():
        answer = client.get(problem_type(kind)).json()
        assert (answer["status"], answer["title"]) == (kind.status, kind.title)


def _operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    ]


def _bare_objects(node: Any, place: str) -> Iterator[str]:
    """Find objects of which neither the members nor the type of any is told."""
    if isinstance(node, dict):
        is_open = node.get("additionalProperties", True) in (True, {})
        if node.get("type") == "object" and "properties" not in node and is_open:
            yield place
        for key, value in node.items():
            if key not in ("examples", "example"):
                yield from _bare_objects(value, f"{place}/{key}")
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield from _bare_objects(value, f"{place}/{index}")


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [one for value in node.values() for one in _references(value)]
    if isinstance(node, list):
        return [one for value in node for one in _references(value)]
    return []


def test_a_prefix_that_is_an_address_of_the_api_is_refused(tmp_path: Path) -> None:
    settings = make_settings(
        data_dir=tmp_path,
        database_url="postgresql://nobody@127.0.0.1:1/nothing",
        public_url="https://club.example/videos",
    )

    with pytest.raises(StartFailed, match="serve it under another path"):
        create_app(settings)
