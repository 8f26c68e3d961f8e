"""What requests to `/uploads` say in their headers, and how OpenAPI describes it."""

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Path, Request

from app.core.http.routing import IS_HEAD
from app.uploads.problems import UnsupportedTusVersion, UploadNotFound
from app.uploads.protocol import CONTENT_TYPE, VERSION

BODY: dict[str, Any] = {
    "requestBody": {
        "content": {
            CONTENT_TYPE: {
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "contentMediaType": CONTENT_TYPE,
                }
            }
        }
    }
}


def headers_of(*names: str) -> dict[str, dict[str, object]]:
    """Describe headers of an answer for OpenAPI."""
    return {name: _HEADERS[name] for name in names}


def _header(words: str, kind: str = "string") -> dict[str, object]:
    return {"description": words, "schema": {"type": kind}}


_HEADERS = {
    "Tus-Resumable": _header("The version that is spoken: 1.0.0."),
    "Location": _header("Where the upload is, or the video that it became."),
    "Touchline-Video": _header("The video that the upload became: `/videos/{id}`."),
    "Upload-Offset": _header("How many bytes are safe on disk.", "integer"),
    "Upload-Expires": _header("When the upload is forgotten, unless bytes come."),
    "Tus-Version": _header("The versions that are known."),
    "Tus-Extension": _header("The extensions that are known."),
    "Tus-Max-Size": _header("The most bytes of an upload.", "integer"),
    "Tus-Checksum-Algorithm": _header("The checksums that are known."),
}
CAPABILITIES = {
    "description": "What this service can do.",
    "headers": headers_of(
        *("Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size"),
        "Tus-Checksum-Algorithm",
    ),
}


# In the document these are required; what tus answers without them is told in words.
_SIZE = {"type": "string", "pattern": "^[0-9]{1,18}$"}
_VERSION = {
    "name": "Tus-Resumable",
    "in": "header",
    "required": True,
    "description": "The version of tus that the client speaks.",
    "schema": {"type": "string", "pattern": f"^{re.escape(VERSION)}$"}
    | {"examples": [VERSION]},
}
_LENGTH = {
    "name": "Upload-Length",
    "in": "header",
    "required": True,
    "description": "The size of the whole file, in bytes.",
    "schema": {**_SIZE, "examples": ["7340032"]},
}
_OFFSET = {
    "name": "Upload-Offset",
    "in": "header",
    "required": True,
    "description": "Where the bytes of this request belong.",
    "schema": {**_SIZE, "examples": ["0"]},
}
SPOKEN: dict[str, Any] = {"parameters": [_VERSION]}
ANNOUNCED: dict[str, Any] = {**BODY, "parameters": [_VERSION, _LENGTH]}
CONTINUED: dict[str, Any] = {**BODY, "parameters": [_VERSION, _OFFSET]}


async def check_version(
    request: Request,
    tus_resumable: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> None:
    """Refuse a client that speaks another version of tus, or none."""
    is_tus = request.method != "GET" or request.scope.get(IS_HEAD, False)
    if is_tus and tus_resumable != VERSION:
        raise UnsupportedTusVersion(
            f"Send the header Tus-Resumable: {VERSION}; this service speaks tus "
            f"{VERSION} alone.",
            tus_version=VERSION,
        )


async def read_upload_id(
    upload_id: Annotated[str, Path(json_schema_extra={"format": "uuid"})],
) -> UUID:
    """Read the id in the path; what is no id names no upload."""
    try:
        return UUID(upload_id)
    except ValueError as exc:
        raise UploadNotFound(f"No upload has the id {upload_id[:64]!r}.") from exc


TusVersion = Depends(check_version)
UploadId = Annotated[UUID, Depends(read_upload_id)]
UploadLength = Annotated[str | None, Header(include_in_schema=False)]
UploadOffset = Annotated[str | None, Header(include_in_schema=False)]
UploadMetadata = Annotated[
    str | None,
    Header(
        description="Keys, each with its value in Base64, with commas between: "
        "`filename`, `title`, `date`, `competition`, `callback_url`, `model`, "
        "`priority`, as of POST /videos. Other keys are sent back and mean nothing "
        "here."
    ),
]
UploadChecksum = Annotated[
    str | None,
    Header(
        description="`sha1` or `sha256`, a space, and the digest in Base64.",
        json_schema_extra={
            "pattern": "^(sha1 [A-Za-z0-9+/]{27}=|sha256 [A-Za-z0-9+/]{43}=)$"
        },
    ),
]
