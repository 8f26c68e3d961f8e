"""`If-Match` of events: the versions of one that a client has seen."""

import re
from typing import Annotated

from fastapi import Depends

from app.annotations.changes import Versions
from app.core.http.precondition_headers import IfMatch
from app.core.http.preconditions import read_tags

VERSION = re.compile(r'"(\d{1,18})"')


async def read_versions(if_match: IfMatch = None) -> Versions | None:
    """Read which versions of a numbered thing a client has seen; None: it does not say.

    Raises:
        InvalidRequest: the header is no list of ETags.
    """
    if if_match is None:
        return None
    tags = read_tags(if_match)
    if tags is None:
        return Versions(None)
    found = [VERSION.fullmatch(tag) for tag in tags]
    return Versions(frozenset(int(one[1]) for one in found if one))


VersionsDep = Annotated[Versions | None, Depends(read_versions)]
