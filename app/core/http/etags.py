"""Entity tags: whoever has an answer already is not sent it again."""

from fastapi import Request


def has_already(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names a tag, given with its quotes; weakly compared."""
    sent = request.headers.get("if-none-match", "")
    known = (one.strip().removeprefix("W/") for one in sent.split(","))
    return any(one in (etag, "*") for one in known)
