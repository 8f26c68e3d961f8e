"""The types of webhook messages, and the filters that choose among them."""

from collections.abc import Iterable
from typing import Literal, get_args

from app.core.errors import InvalidRequest

MessageType = Literal[
    "video.completed",
    "video.failed",
    "video.canceled",
    "event.created",
    "clip.completed",
    "clip.failed",
    "clip.canceled",
    "review.completed",
    "training.completed",
    "training.failed",
    "training.canceled",
    "batch.completed",
    "batch.failed",
    "batch.canceled",
    "ping",
]
PING: MessageType = "ping"  # sent when it is asked for, whatever the filters
TYPES: tuple[str, ...] = tuple(one for one in get_args(MessageType) if one != PING)
GROUPS: tuple[str, ...] = tuple(
    dict.fromkeys(f"{one.partition('.')[0]}.*" for one in TYPES)
)
FILTERS: tuple[str, ...] = ("*", *GROUPS, *TYPES)
TO_CALLBACKS = ("video.", "clip.")  # what the callback URL of a video is told


def check_filters(filters: Iterable[str]) -> list[str]:
    """Take filters each once, in their order.

    Raises:
        InvalidRequest: there is none, or one that fits no message there is.
    """
    wanted = list(dict.fromkeys(filters))
    if not wanted:
        raise InvalidRequest("events: name one at least; `*` stands for all.")
    unknown = [one for one in wanted if one not in FILTERS]
    if unknown:
        raise InvalidRequest(
            f"events: {unknown[0][:64]!r} fits no message. There are "
            f"{', '.join(FILTERS)}."
        )
    return wanted


def fits(message_type: str, filters: Iterable[str]) -> bool:
    """Whether a message of a type is wanted."""
    group = f"{message_type.partition('.')[0]}.*"
    return any(one in ("*", group, message_type) for one in filters)
