"""The headers `If-Match` and `If-None-Match` of a request; see `preconditions`."""

from typing import Annotated

from fastapi import Header

from app.core.http.preconditions import TAG

IfMatch = Annotated[
    str | None,
    Header(
        max_length=1000,
        description="The version you saw, as its `ETag` has it; anything else is "
        "there by now: 412. `*`: whatever is there.",
        json_schema_extra={"pattern": f"^({TAG}( *, *{TAG})*|[*])$"},
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(max_length=1000, description="An `ETag` you have: 304 if it is the same."),
]
