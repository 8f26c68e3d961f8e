"""Who speaks: the principal, and the name that a client gives."""

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Header

from app.annotations.problems import InvalidAuthor
from app.core.http.dependencies import PrincipalDep

MAX_NAME_CHARS = 100
MAX_HEADER_CHARS = 12 * MAX_NAME_CHARS  # four bytes a character, each as %XX

AuthorName = Annotated[
    str | None,
    Header(
        alias="Touchline-Author",
        max_length=MAX_HEADER_CHARS,
        description="Who speaks, where several people share a key: a name of up to "
        f"{MAX_NAME_CHARS} characters, UTF-8 in percent-encoding. Each has an undo of "
        "their own.",
    ),
]


async def read_author(principal: PrincipalDep, name: AuthorName = None) -> str:
    """Name the author of what a request says.

    Raises:
        InvalidAuthor: the name is empty, too long, or not printable.
    """
    if name is None:
        return str(principal)
    try:
        read = unquote(name, errors="strict").strip()
    except UnicodeDecodeError:
        read = ""
    if not read or len(read) > MAX_NAME_CHARS or not read.isprintable():
        raise InvalidAuthor(
            f"Touchline-Author must be a name of 1 to {MAX_NAME_CHARS} printable "
            "characters, UTF-8 in percent-encoding."
        )
    return f"{principal}/{read}"


AuthorDep = Annotated[str, Depends(read_author)]
