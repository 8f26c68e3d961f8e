"""What a request to import a file may say of it, and its body."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from pydantic import AfterValidator

from app.annotations.importing import ImportOptions
from app.core.errors import RULE, InvalidRequest, UnsupportedBody
from app.core.http.routing import SmallRequest
from app.core.http.texts import storable_text
from model.data.formats.base import ReadOptions
from model.data.formats.registry import FORMATS
from model.data.formats.text import TimeFormat

MAX_FILE_BYTES = 16 * 2**20
MAX_SECONDS = 1e7
MAX_RENAMED = 200
READABLE = [
    name
    for name, form in FORMATS.items()
    if form.read is not None and form.is_installed
]
FORMS = ("multipart/form-data",)  # would be read as the file itself

FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": f"The file itself, up to {MAX_FILE_BYTES // 2**20} MiB.",
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"}
            }
        },
    }
}

# Python has decoders that take minutes for a few megabytes: these take none.
Encoding = Literal[
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "iso-8859-1",
    "iso-8859-2",
    "iso-8859-15",
    "mac-roman",
    "shift-jis",
    "euc-jp",
    "euc-kr",
    "gb18030",
    "big5",
]
Name = Annotated[str, Query(max_length=500), AfterValidator(storable_text)]


def _readable(name: str | None) -> str | None:
    if name is not None and name not in READABLE:
        raise ValueError(f"must be one of {', '.join(READABLE)}")
    return name


def _times(
    offset_s: Annotated[
        float,
        Query(
            ge=-MAX_SECONDS,
            le=MAX_SECONDS,
            allow_inf_nan=False,
            description="Is added to all times.",
        ),
    ] = 0.0,
    fps: Annotated[
        float | None,
        Query(
            gt=0,
            le=1000,
            allow_inf_nan=False,
            description="The rate by which the file counts frames; the video's own if "
            "left out.",
        ),
    ] = None,
    time_format: Annotated[
        TimeFormat | None, Query(description="How times are written.")
    ] = None,
    lead_in_s: Annotated[
        float | None,
        Query(
            ge=0,
            le=3600,
            allow_inf_nan=False,
            description="How long after the start of an instance its event is.",
        ),
    ] = None,
    half: Annotated[
        int | None,
        Query(ge=1, le=10, description="The half that the video is, of several."),
    ] = None,
    halves: Annotated[
        str | None,
        Query(
            max_length=200,
            description="When each half starts in the video, in seconds: `12.5,2890`.",
            examples=["12.5,2890"],
        ),
    ] = None,
) -> dict[str, Any]:
    return {
        **{"offset_s": offset_s, "fps": fps, "time_format": time_format},
        **{"lead_s": lead_in_s, "half": half, "half_starts_s": _starts(halves)},
    }


def _options(
    times: Annotated[dict[str, Any], Depends(_times)],
    form: Annotated[
        str | None,
        AfterValidator(_readable),
        Query(
            alias="format",
            description="Told by the file's content if left out.",
            json_schema_extra={"enum": READABLE},
        ),
    ] = None,
    rename: Annotated[
        list[str],
        Query(
            max_length=MAX_RENAMED,
            description="`OLD=NEW`: what the file calls OLD is of the type NEW; may "
            "be given several times.",
        ),
    ] = [],  # noqa: B006  # FastAPI copies it
    skip_bad: Annotated[
        bool, Query(description="Leave out what cannot be taken over.")
    ] = False,
    tolerance_s: Annotated[
        float | None,
        Query(
            ge=0,
            le=60,
            allow_inf_nan=False,
            description="An event of the same type so near is the same; 0.5 if left "
            "out, or as the service is set up.",
        ),
    ] = None,
    encoding: Annotated[Encoding | None, Query(description="Of a text file.")] = None,
    delimiter: Annotated[
        Literal[",", ";", "\t", "|"] | None, Query(description="Between cells.")
    ] = None,
    label_from: Annotated[
        Literal["tier", "value"] | None, Query(description="What names ELAN's types.")
    ] = None,
    name: Annotated[
        Name | None, Query(description="Whose events, where several videos are there.")
    ] = None,
    head: Annotated[
        Name | None, Query(description="Which list of labels, of several.")
    ] = None,
) -> ImportOptions:
    offset_s, fps = times.pop("offset_s"), times.pop("fps")
    read = ReadOptions(
        encoding=encoding,
        delimiter=delimiter,
        label_from=label_from,
        video=name,
        head=head,
        **times,
    )
    return ImportOptions(
        form=form,
        fps=fps,
        offset_s=offset_s,
        rename=_renamed(rename),
        skip_bad=skip_bad,
        tolerance_ms=None if tolerance_s is None else round(tolerance_s * 1000),
        read=read,
    )


async def _read_file(request: Request) -> bytes:
    """Read the body.

    Raises:
        BodyTooLarge, RequestTimeout, BadRequest: it did not come as it must.
        UnsupportedBody: it is a form, with the file somewhere in it.
    """
    said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said in FORMS:
        raise UnsupportedBody(
            "Send the file itself as the body, not a form: curl --data-binary @FILE."
        )
    limited = SmallRequest(request.scope, request.receive, max_bytes=MAX_FILE_BYTES)
    return await limited.body()


ImportOptionsDep = Annotated[ImportOptions, Depends(_options)]
FileBody = Annotated[bytes, Depends(_read_file)]


def _starts(halves: str | None) -> tuple[float, ...]:
    try:
        starts_s = tuple(float(part) for part in halves.split(",")) if halves else ()
    except ValueError as exc:
        raise InvalidRequest(
            f"halves={halves!r}: write it as 0,2700.", kind=RULE
        ) from exc
    is_rising = list(starts_s) == sorted(set(starts_s))
    if not is_rising or not all(0 <= start <= MAX_SECONDS for start in starts_s):
        raise InvalidRequest(
            f"halves={halves!r}: each is to start later.",
            kind=RULE,
        )
    return starts_s


def _renamed(pairs: list[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for pair in pairs:
        old, mark, new = (part.strip() for part in pair.partition("="))
        if not (mark and old and new):
            raise InvalidRequest(
                f"rename={pair[:200]!r}: write it as OLD=NEW.", kind=RULE
            )
        if names.setdefault(old, new) != new:
            raise InvalidRequest(
                f"rename: {old[:200]!r} is given two types.", kind=RULE
            )
    return names
