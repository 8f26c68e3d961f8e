"""Which of the API's paths an address belongs to, where several fit it."""

import re
from functools import lru_cache

from starlette.routing import compile_path


@lru_cache(maxsize=1024)
def rivals_of(path: str, all_paths: frozenset[str]) -> tuple[re.Pattern[str], ...]:
    """Find the paths that name more of an address than `path`, where both fit it."""
    own = compile_path(path)[0]
    return tuple(
        compile_path(one)[0] for one in all_paths if one != path and own.match(one)
    )
