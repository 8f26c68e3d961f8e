"""`If-Match` and `If-None-Match`: which version of a thing a client has seen.

A proxy that compresses answers weakens their tags (`W/"7"`). Versions count changes and
not bytes, so a weak tag is as good.
"""

import re

from app.core.errors import RULE, InvalidRequest

TAG = r'(W/)?"[^",]*"'
ETAG = re.compile(r'(?:W/)?"[^"]*"')


def etag_of(version: object) -> str:
    """Write the entity tag of a version."""
    return f'"{version}"'


def is_seen(if_match: str | None, *, version: object) -> bool:
    """Whether a request may change what has this version; without a header it may.

    Raises:
        InvalidRequest: the header is no list of ETags.
    """
    return if_match is None or check_tags(etag_of(version), if_match)


def is_same(etag: str, if_none_match: str | None) -> bool:
    """Whether a client has what it asks for already; never of a header it cannot be."""
    if if_none_match is None:
        return False
    sent = [_strong(tag) for tag in ETAG.findall(if_none_match)]
    return if_none_match.strip() == "*" or _strong(etag) in sent


def check_tags(etag: str, if_match: str) -> bool:
    """Whether `If-Match` names this version.

    Raises:
        InvalidRequest: the header is no list of ETags.
    """
    tags = read_tags(if_match)
    return tags is None or _strong(etag) in tags


def read_tags(header: str) -> list[str] | None:
    """Split a list of ETags, none of them weak; None: `*`.

    Raises:
        InvalidRequest: it is no such list.
    """
    if header.strip() == "*":
        return None
    parts = [part.strip() for part in header.split(",")]
    if not all(ETAG.fullmatch(part) for part in parts):
        raise InvalidRequest(
            'If-Match must be an ETag as it was sent, such as "12", several of them '
            "with commas between, or *.",
            kind=RULE,
        )
    return [_strong(part) for part in parts]


def _strong(tag: str) -> str:
    return tag.removeprefix("W/")
