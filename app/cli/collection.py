"""The API as a collection for Postman (v2.1), which Bruno and Insomnia read as well.

All of it comes from the OpenAPI document: folders are its tags, examples its examples.
Source: https://schema.postman.com/collection/json/v2.1.0/draft-07/docs/index.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
BASE_URL, KEY = "baseUrl", "key"
NOW = "{{$isoTimestamp}}"  # the moment of sending, which Postman and Bruno fill in
METHODS = ("get", "post", "put", "patch", "delete")
JSON = "application/json"

Document = Mapping[str, Any]


def postman_collection(document: Document) -> dict[str, Any]:
    """Make a collection of an OpenAPI document.

    Every operation is a request, one for each kind of body it takes. Parameters that
    may be left out are there, switched off.
    """
    folders: dict[str, list[dict[str, Any]]] = {
        tag["name"]: [] for tag in document["tags"]
    }
    for path, operations in document["paths"].items():
        for method in METHODS:
            if method in operations:
                operation = operations[method]
                made = _requests(document, path, method, operation)
                folders[operation["tags"][0]].extend(made)
    info = document["info"]
    return {
        "info": {
            "_postman_id": str(uuid5(NAMESPACE_URL, SCHEMA + info["title"])),
            "name": info["title"],
            "description": info.get("description") or info.get("summary", ""),
            "version": info["version"],
            "schema": SCHEMA,
        },
        "auth": {
            "type": "bearer",
            "bearer": [{"key": "token", "value": f"{{{{{KEY}}}}}", "type": "string"}],
        },
        "variable": [
            {"key": BASE_URL, "value": "http://localhost:8000", "type": "string"},
            {"key": KEY, "value": "", "type": "string"},
        ],
        "item": [
            {
                "name": tag["name"],
                "description": tag["description"],
                "item": folders[tag["name"]],
            }
            for tag in document["tags"]
        ],
    }


def to_text(collection: Mapping[str, Any]) -> str:
    """Write a collection, always the same way."""
    return json.dumps(collection, indent=1, ensure_ascii=False) + "\n"


def example_of(document: Document, schema: Mapping[str, Any]) -> Any:
    """Make an example of what a schema describes.

    A schema's own example comes first, then its default; an object has what it must,
    and what has an example of its own.
    """
    if "$ref" in schema:
        return example_of(document, _resolve(document, schema["$ref"]))
    for name in ("example", "default", "const"):
        if schema.get(name) is not None:
            return schema[name]
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    # Beside a type these are rules of it, and no choice.
    choices = (
        () if "type" in schema else (*schema.get("anyOf", ()), *schema.get("oneOf", ()))
    )
    for one in choices:
        if one.get("type") != "null":
            return example_of(document, one)
    if schema.get("type") == "object":
        required = schema.get("required", ())
        return {
            name: example_of(document, member)
            for name, member in schema.get("properties", {}).items()
            if name in required or _has_example(document, member)
        }
    if schema.get("type") == "array":
        return [example_of(document, schema["items"])] if "items" in schema else []
    return _plain(schema)


def _plain(schema: Mapping[str, Any]) -> Any:
    formats = {
        "uuid": "0190c0de-0000-7000-8000-000000000001",
        "date": "2026-05-31",
        "date-time": NOW,
        "uri": "https://example.org/hook",
    }
    kinds = {
        "integer": int(schema.get("minimum", 0)),
        "number": schema.get("minimum", 0.0),
        "boolean": False,
        "string": formats.get(schema.get("format", ""), "text"),
    }
    return kinds.get(schema.get("type", ""))


def _has_example(document: Document, schema: Mapping[str, Any]) -> bool:
    if "$ref" in schema:
        return _has_example(document, _resolve(document, schema["$ref"]))
    return bool(schema.get("examples") or schema.get("example"))


def _resolve(document: Document, reference: str) -> Mapping[str, Any]:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    resolved: Mapping[str, Any] = found
    return resolved


def _requests(
    document: Document, path: str, method: str, operation: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    bodies = operation.get("requestBody", {}).get("content", {}) or {None: {}}
    for number, (media_type, content) in enumerate(bodies.items()):
        name = operation["summary"]
        request: dict[str, Any] = {
            "method": method.upper(),
            "header": _headers(document, operation, media_type),
            "url": _url(document, path, operation),
            "description": operation.get("description", ""),
        }
        if media_type is not None:
            request["body"] = _body(document, media_type, content)
        if not operation.get("security"):
            request["auth"] = {"type": "noauth"}
        yield {
            "name": name if number == 0 else f"{name} ({media_type})",
            "request": request,
            "response": [],
        }


def _url(document: Document, path: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    segments = [re.sub(r"^\{(\w+)\}$", r":\1", part) for part in path.split("/")[1:]]
    query = [
        {
            "key": one["name"],
            "value": _text(example_of(document, one["schema"])),
            "description": one.get("description", ""),
            "disabled": not one.get("required", False),
        }
        for one in _parameters(document, operation, "query")
    ]
    variables = [
        {
            "key": one["name"],
            "value": _text(example_of(document, one["schema"])),
            "description": one.get("description", ""),
        }
        for one in _parameters(document, operation, "path")
    ]
    asked = "&".join(f"{q['key']}={q['value']}" for q in query if not q["disabled"])
    raw = f"{{{{{BASE_URL}}}}}/{'/'.join(segments)}"
    return {
        "raw": f"{raw}?{asked}" if asked else raw,
        "host": [f"{{{{{BASE_URL}}}}}"],
        "path": segments,
        "query": query,
        "variable": variables,
    }


def _headers(
    document: Document, operation: Mapping[str, Any], media_type: str | None
) -> list[dict[str, Any]]:
    headers: list[dict[str, Any]] = [
        {
            "key": one["name"],
            "value": _text(example_of(document, one["schema"])),
            "description": one.get("description", ""),
            "disabled": not one.get("required", False),
        }
        for one in _parameters(document, operation, "header")
    ]
    if media_type is not None and media_type != "multipart/form-data":
        headers.insert(0, {"key": "content-type", "value": media_type})
    return headers


def _parameters(
    document: Document, operation: Mapping[str, Any], place: str
) -> Iterator[Mapping[str, Any]]:
    for one in operation.get("parameters", ()):
        found = _resolve(document, one["$ref"]) if "$ref" in one else one
        if found["in"] == place:
            yield found


def _body(
    document: Document, media_type: str, content: Mapping[str, Any]
) -> dict[str, Any]:
    schema = content.get("schema", {})
    if media_type == JSON:
        example = content.get("example", example_of(document, schema))
        return {
            "mode": "raw",
            "raw": json.dumps(example, indent=2, ensure_ascii=False),
            "options": {"raw": {"language": "json"}},
        }
    if media_type == "multipart/form-data":
        return {"mode": "formdata", "formdata": list(_fields(document, schema))}
    return {"mode": "file", "file": {}}


def _fields(document: Document, schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, member in schema["properties"].items():
        words = member.get("description", "")
        if member.get("format") == "binary":
            yield {"key": name, "type": "file", "src": None, "description": words}
        else:
            yield {
                "key": name,
                "type": "text",
                "value": _text(example_of(document, member)),
                "description": words,
                "disabled": name not in schema.get("required", ()),
            }


def _text(example: Any) -> str:
    if isinstance(example, list):
        example = example[0] if example else ""
    if isinstance(example, bool):
        return "true" if example else "false"
    return "" if example is None else str(example)
