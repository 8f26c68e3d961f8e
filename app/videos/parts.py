"""The files that a video is made of: as rows keep them, before and after they join."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

from app.core.errors import RULE, InvalidRequest
from app.core.storage.interface import StoredFile
from app.videos.tables import JoinFacts, PartFacts

JoinKind = Literal["halves", "consecutive"]
JoinMode = Literal["copied", "encoded"]
JOIN_KINDS: Mapping[str, JoinKind] = {"halves": "halves", "consecutive": "consecutive"}
JOIN_FIELDS = ("parts", "encode")  # of a form with several files
ENCODE = {"true": True, "false": False}


class UploadedPart(NamedTuple):
    """One of several files of a form."""

    filename: str
    stored: StoredFile


def check_join_field(name: str, value: str) -> None:
    """Judge a field that says how files are joined.

    Raises:
        InvalidRequest: it is not what it must be.
    """
    known: Collection[str] = JOIN_KINDS if name == "parts" else ENCODE
    if value not in known:
        raise InvalidRequest(f"The field {name!r} must be one of {', '.join(known)}.")


def join_params(fields: Mapping[str, str]) -> dict[str, object]:
    """Give the parameters of the job that joins what a form brought."""
    encode = fields.get("encode")
    return {
        "model": fields.get("model"),
        "encode": None if encode is None else ENCODE[encode],
    }


def refuse_join_of_one(
    parts: Sequence[UploadedPart], fields: Mapping[str, str]
) -> None:
    """Refuse a form that says how files are joined and holds one.

    Raises:
        InvalidRequest: it is so.
    """
    named = next((name for name in JOIN_FIELDS if name in fields), None)
    if len(parts) == 1 and named is not None:
        raise InvalidRequest(
            f"The field {named!r} says how several files are joined, and the form "
            f"holds one: repeat 'file', or leave {named!r} out.",
            kind=RULE,
        )


def uploaded_parts(parts: Sequence[UploadedPart], kind: str | None) -> JoinFacts:
    """Describe files of a form that are to be joined.

    Raises:
        InvalidRequest: one was sent twice.
    """
    first: dict[str, str] = {}
    for part in parts:
        if part.stored.sha256 in first:
            raise InvalidRequest(
                f"The files {first[part.stored.sha256]!r} and {part.filename!r} hold "
                "the same bytes: each part is sent once.",
                kind=RULE,
            )
        first[part.stored.sha256] = part.filename
    files = [
        part_facts(
            part.filename,
            size_bytes=part.stored.size_bytes,
            sha256=part.stored.sha256,
            storage_key=part.stored.key,
        )
        for part in parts
    ]
    return new_join(kind, files)


def part_facts(
    filename: str | None,
    *,
    size_bytes: int,
    sha256: str | None,
    storage_key: str | None = None,
    video_id: str | None = None,
) -> PartFacts:
    """Describe a file that is still to be joined."""
    return PartFacts(
        filename=filename,
        size_bytes=size_bytes,
        sha256=sha256,
        storage_key=storage_key,
        video_id=video_id,
        start_s=None,
        end_s=None,
        offset_s=None,
    )


def new_join(kind: str | None, files: list[PartFacts]) -> JoinFacts:
    """Describe a video that is still to be made of files."""
    return JoinFacts(
        kind=JOIN_KINDS[kind or "consecutive"],
        mode=None,
        sound=None,
        warnings={},
        files=files,
    )


def kept_bytes(parts: JoinFacts) -> int:
    """Add up the files that are kept for the video alone."""
    return sum(one["size_bytes"] for one in parts["files"] if one["storage_key"])


def checksums_of(parts: JoinFacts | None) -> tuple[str, ...]:
    """Give the SHA-256 of each part, as far as they are known; None: it has none."""
    files = [] if parts is None else parts["files"]
    return tuple(one["sha256"] for one in files if one["sha256"] is not None)


def without_files(parts: JoinFacts | None) -> JoinFacts | None:
    """Describe a video whose parts are no longer kept for it."""
    if parts is None:
        return None
    files: list[PartFacts] = [{**one, "storage_key": None} for one in parts["files"]]
    return {**parts, "files": files}


def name_of(number: int, filename: str | None) -> str:
    """Call a part as people know it; numbers from 1."""
    return f"part {number} ({filename})" if filename else f"part {number}"
