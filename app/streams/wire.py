"""How server-sent events are sent, documented and taken up again."""

from typing import Any

from app.core.errors import InvalidRequest

MAX_REVISION = 2**63 - 1
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}

_WIRE = {  # of each event of the stream
    "type": "object",
    "description": "A server-sent event; its `data` is a JSON object.",
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "id": {"type": "string"},
        "retry": {"type": "integer", "description": "In milliseconds."},
    },
}


def documented(description: str) -> dict[str, Any]:
    """Describe an answer of server-sent events in the OpenAPI document."""
    return {
        "content": {"text/event-stream": {"schema": _WIRE}},
        "description": description,
    }


def read_revision(text: str) -> int:
    """Read `Last-Event-ID`.

    Raises:
        InvalidRequest: it is none of ours.
    """
    if not text.isascii() or not text.isdecimal() or int(text) > MAX_REVISION:
        raise InvalidRequest(
            "Last-Event-ID must be the id of an event of this stream, not "
            f"{text[:64]!r}."
        )
    return int(text)
