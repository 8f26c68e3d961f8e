"""What Schemathesis is told of our API; it loads this by SCHEMATHESIS_HOOKS.

A request that fits its schema may still be refused for a reason that no schema can say:
a cursor of another list, an event beyond the end. Such a reason is a problem of a type
of its own, which the document names at that route. `invalid-request` is one only where
all that is wrong is a rule between values, as the member `kind` of its errors tells.
"""

import json
from typing import Any, get_args

import schemathesis
from pydantic_core import core_schema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from app.core.errors import RULE

# What Pydantic says of what schemas say; rules in our own code have other kinds.
OF_SCHEMAS = {*get_args(core_schema.ErrorType)} - {"value_error"}
OUR_OWN = ("/problems/invalid-request", "/problems/bad-request")


@schemathesis.serializer("application/offset+octet-stream")
def as_bytes(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    """Send the body of a resumable upload."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.check
def refused_for_a_reason(
    ctx: schemathesis.CheckContext,
    response: schemathesis.Response,
    case: schemathesis.Case[Any],
) -> bool | None:
    """Take a documented reason for one; whatever else Schemathesis says stands."""
    try:
        return positive_data_acceptance(ctx, response, case)
    except AssertionError:
        if not _has_reason(response, case):
            raise
    return None


def _has_reason(response: schemathesis.Response, case: schemathesis.Case[Any]) -> bool:
    try:
        problem = json.loads(response.content)
        slug = problem["type"]
    except (ValueError, KeyError, TypeError):
        return False
    if problem.get("kind") == RULE:
        return True
    if slug == OUR_OWN[0]:
        kinds = {error.get("kind") for error in problem.get("errors", [])}
        return bool(kinds) and not kinds & OF_SCHEMAS
    answers = case.operation.definition.raw["responses"]
    told = answers.get(str(response.status_code), {})
    examples = told.get("content", {}).get("application/problem+json", {})
    named = set(examples.get("examples", {}))
    return slug not in OUR_OWN and slug.rpartition("/")[2] in named
