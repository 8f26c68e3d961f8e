"""The collection for Postman: all of the API, as the format has it, and up to date."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli.api import _document
from app.cli.collection import SCHEMA, example_of
from app.cli.main import touchline

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[4]
COMMITTED = ROOT / "docs" / "touchline.postman_collection.json"
LIBRARY = "postman-collection@5.3.1"
COUNT = """
const {Collection} = require('postman-collection');
const made = new Collection(JSON.parse(require('fs').readFileSync(process.argv[1])));
const found = [];
made.forEachItem((item) => {
  item.request.url.host = 'localhost';
  found.push([item.request.method, item.request.url.getPath(),
              item.getAuth() ? item.getAuth().type : null]);
});
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def written() -> str:
    found = CliRunner().invoke(touchline, ["api", "--collection", "postman"])
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture(scope="module")
def collection(written: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(written)
    return made


def requests_of(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Walk the folders; each item must be a folder or a request, with a name."""
    for one in item["item"]:
        assert one["name"]
        assert ("item" in one) != ("request" in one)
        if "item" in one:
            yield from requests_of(one)
        else:
            assert one["response"] == []
            yield one["request"]


def test_the_committed_collection_is_up_to_date(written: str) -> None:
    assert COMMITTED.read_text() == written, (
        "the API has changed: make collection writes it anew"
    )


@pytest.mark.costly
def test_every_operation_is_a_request(collection: dict[str, Any]) -> None:
    there = {
        (
            one["method"],
            "/" + "/".join(_as_openapi(part) for part in one["url"]["path"]),
        )
        for one in requests_of(collection)
    }

    assert there == {
        (method.upper(), path)
        for path, operations in _document()["paths"].items()
        for method in operations
        if method != "options"
    }


def _as_openapi(segment: str) -> str:
    return f"{{{segment[1:]}}}" if segment.startswith(":") else segment


def test_it_has_the_members_that_the_format_demands(collection: dict[str, Any]) -> None:
    assert collection["info"]["schema"] == SCHEMA
    assert collection["info"]["name"] == "Touchline"
    assert {one["key"] for one in collection["variable"]} == {"baseUrl", "key"}
    assert collection["auth"]["bearer"][0]["value"] == "{{key}}"
    for one in requests_of(collection):
        url = one["url"]
        assert url["raw"].startswith("{{baseUrl}}/")
        assert url["host"] == ["{{baseUrl}}"]
        used = {part[1:] for part in url["path"] if part.startswith(":")}
        assert used == {variable["key"] for variable in url["variable"]}
        assert all(variable["value"] for variable in url["variable"])
        if body := one.get("body"):
            assert body["mode"] in ("raw", "formdata", "file")
            assert body["mode"] in body
        keys = [(part["key"], part["value"]) for part in one["header"]]
        assert all(isinstance(value, str) for pair in keys for value in pair)


def test_an_example_is_of_what_a_schema_says() -> None:
    schema = {
        "type": "object",
        "required": ["a", "b"],
        "properties": {
            "a": {"$ref": "#/components/schemas/A"},
            "b": {"type": "array", "items": {"type": "string", "format": "uuid"}},
            "c": {"anyOf": [{"type": "null"}, {"type": "integer"}], "examples": [7]},
            "d": {"type": "string"},
        },
    }
    document = {"components": {"schemas": {"A": {"enum": ["x", "y"]}}}}

    made = example_of(document, schema)

    assert made == {"a": "x", "b": ["0190c0de-0000-7000-8000-000000000001"], "c": 7}


@pytest.mark.costly
def test_postmans_own_library_reads_it(
    request: pytest.FixtureRequest, collection: dict[str, Any]
) -> None:
    cache = request.config.cache
    assert cache is not None
    folder = cache.mkdir("postman-collection")
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node or npm is not installed")
    if not (folder / "node_modules" / "postman-collection").is_dir():
        install = [npm, "install", "--no-audit", "--no-fund", LIBRARY]
        made = subprocess.run(
            [*install, "--prefix", str(folder)], capture_output=True, check=False
        )
        if made.returncode != 0:
            pytest.skip(f"npm cannot install {LIBRARY}: {made.stderr[-200:]!r}")

    done = subprocess.run(
        [node, "-e", COUNT, str(COMMITTED)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )

    found = json.loads(done.stdout)
    wanted = list(requests_of(collection))
    assert [one[0] for one in found] == [one["method"] for one in wanted]
    assert not any("{{" in path or ":video_id" in path for _, path, _ in found)
    assert {kind for _, _, kind in found} == {"bearer", "noauth"}
