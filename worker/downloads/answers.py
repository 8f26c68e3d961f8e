"""What an answer to a download means: refusals, and what is known of the file."""

from email.message import Message
from http import HTTPStatus
from typing import Any

from app.sources.failures import (
    DownloadFailed,
    SourceIsPage,
    SourceNotFound,
    SourceUnusable,
)
from app.videos.upload_form import clean_filename
from worker.downloads.requests import Answer

NOT_NOW = (408, 425, 429)  # and all from 500 on


def refuse_status(answer: Answer) -> None:
    """Say what an answer that brings nothing means.

    Raises:
        SourceNotFound, DownloadFailed: it brings nothing, for good or for now.
    """
    status, host = answer.status, answer.host
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise SourceNotFound(f"{host} has nothing at that address ({status}).")
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise SourceNotFound(
            f"{host} gives the file only to those who log in ({status}): take an "
            "address that needs no login, or upload the file."
        )
    if status in NOT_NOW or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise DownloadFailed(f"{host} answers {status}.")
    if status not in (200, 206, 416):
        raise SourceNotFound(f"{host} answers {status}, not with a file.")


def refuse_type(answer: Answer) -> None:
    """Refuse what says of itself that it cannot be stored as a video.

    Raises:
        SourceIsPage, SourceUnusable: what it is instead.
    """
    said = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if said in ("text/html", "application/xhtml+xml"):
        raise page_instead(answer.host)
    packed = answer.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        raise SourceUnusable(f"{answer.host} packs the file ({packed[:32]}).")


def page_instead(host: str) -> SourceIsPage:
    """Say that an address gives a page."""
    return SourceIsPage(
        f"The address gave a web page of {host}, not a video. Take the address of the "
        "file itself: the one behind a download button."
    )


def content_range(answer: Answer) -> tuple[int | None, int | None]:
    """Read `Content-Range: bytes 5-9/10`: where it begins, and the whole size."""
    span, _, total = answer.headers.get("content-range", "").partition("/")
    start = span.removeprefix("bytes").strip().partition("-")[0]
    return (
        int(start) if start.isdecimal() else None,
        int(total) if total.strip().isdecimal() else None,
    )


def validator_of(answer: Answer) -> str | None:
    """Tell by what the server knows this very version; None: it cannot be resumed."""
    if answer.headers.get("accept-ranges", "").lower() == "none":
        return None
    etag = answer.headers.get("etag", "")
    if etag.startswith('"'):
        return etag
    return answer.headers.get("last-modified")


def filename_of(answer: Answer) -> str | None:
    """Tell what the server calls the file, without what cannot be stored or shown."""
    header: Any = Message()
    header["content-disposition"] = answer.headers.get("content-disposition", "")
    name = header.get_filename()
    return clean_filename(name) or None if isinstance(name, str) else None
