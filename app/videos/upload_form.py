"""A multipart form read as it comes: fields in whole, files in pieces.

Push, not pull: bytes are fed in, pieces come out, nothing is kept but one small field.
"""

import re
from dataclasses import dataclass
from email.message import Message

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from app.core.errors import RULE, InvalidRequest, UnsupportedBody, UploadBroken
from model.video.join_rules import MAX_PARTS as MAX_FILES

FILE_FIELD = "file"
MAX_FIELD_BYTES = 8 * 1024
MAX_PARTS = 16 + MAX_FILES
MAX_NAME_CHARS = 255
CONTROL_CHARS = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class FileStarted:
    """A file's part begins; `filename` is what the client calls it."""

    filename: str


@dataclass(frozen=True, slots=True)
class FileBytes:
    """The next piece of the file."""

    data: bytes


@dataclass(frozen=True, slots=True)
class TextField:
    """A field that is no file, whole."""

    name: str
    value: str


Piece = FileStarted | FileBytes | TextField


def read_boundary(content_type: str | None) -> bytes:
    """Find the boundary in a Content-Type header.

    Raises:
        UnsupportedBody: the body is no multipart/form-data, or names no boundary.
    """
    header = Message()
    header["content-type"] = content_type or ""
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/form-data" or not boundary:
        raise UnsupportedBody(
            "Send the video as multipart/form-data in a part named 'file', "
            "for example: curl -F file=@match.mp4 URL"
        )
    return boundary.encode("latin-1", "replace")


class FormReader:
    """Turns the bytes of a multipart body into pieces."""

    def __init__(self, boundary: bytes) -> None:
        self._pieces: list[Piece] = []
        self._parts = 0
        self._is_whole = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._header = (bytearray(), bytearray())
        self._name: str | None = None  # of the field being gathered; None: the file
        self._value = bytearray()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin_part,
                    "on_header_field": self._on_header_name,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._end_headers,
                    "on_part_data": self._on_data,
                    "on_part_end": self._end_part,
                    "on_end": self._end,
                },
            )
        except FormParserError as exc:
            raise UnsupportedBody(
                f"The multipart boundary cannot be used: {exc}."
            ) from exc

    def feed(self, data: bytes) -> list[Piece]:
        """Take some bytes, give the pieces they complete.

        Raises:
            UploadBroken: the bytes are no multipart body.
            InvalidRequest: a part is too long, has no name, or there are too many.
        """
        try:
            self._parser.write(data)
        except FormParserError as exc:
            raise UploadBroken(f"The body is not valid multipart: {exc}.") from exc
        pieces, self._pieces = self._pieces, []
        return pieces

    def finish(self) -> None:
        """Make sure that the last boundary has been seen.

        Raises:
            UploadBroken: the body ended before it.
        """
        if not self._is_whole:
            raise UploadBroken(
                "The body ended before its closing boundary: the upload was cut off. "
                "Nothing was kept; send it again."
            )

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InvalidRequest(
                f"The form has more than {MAX_PARTS} parts.", kind=RULE
            )
        self._headers, self._value = [], bytearray()

    def _on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header[0].extend(data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1].extend(data[start:end])

    def _end_header(self) -> None:
        name, value = self._header
        self._headers.append((bytes(name).lower(), bytes(value)))
        self._header = (bytearray(), bytearray())

    def _end_headers(self) -> None:
        disposition = Message()
        raw = dict(self._headers).get(b"content-disposition", b"")
        disposition["content-disposition"] = raw.decode("utf-8", "replace")
        try:
            name = disposition.get_param("name", header="content-disposition")
            filename = disposition.get_filename()
        except ValueError as exc:  # A charset whose name holds NUL.
            raise InvalidRequest(
                "The header Content-Disposition of a part cannot be read.", kind=RULE
            ) from exc
        if not isinstance(name, str) or not name:
            raise InvalidRequest("A part of the form has no name.", kind=RULE)
        if filename and name != FILE_FIELD:
            raise InvalidRequest(
                f"The form has no part named 'file'; you sent the file as {name!r}. "
                "With curl: -F file=@match.mp4"
            )
        self._name = name
        if name == FILE_FIELD and filename is not None:
            self._name = None
            self._pieces.append(FileStarted(clean_filename(filename)))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._name is None:
            self._pieces.append(FileBytes(data[start:end]))
            return
        self._value += data[start:end]
        if len(self._value) > MAX_FIELD_BYTES:
            raise InvalidRequest(
                f"The field {self._name!r} is longer than {MAX_FIELD_BYTES} bytes."
                + (_SEND_AS_FILE if self._name == FILE_FIELD else "")
            )

    def _end_part(self) -> None:
        if self._name is None:
            return
        if self._name == FILE_FIELD:
            raise InvalidRequest("The part 'file' is text." + _SEND_AS_FILE)
        try:
            value = self._value.decode()
        except UnicodeDecodeError as exc:
            raise InvalidRequest(f"The field {self._name!r} is not UTF-8.") from exc
        self._pieces.append(TextField(self._name, value))

    def _end(self) -> None:
        self._is_whole = True


_SEND_AS_FILE = " Send it as a file with a name; with curl: -F file=@match.mp4"


def clean_filename(filename: str) -> str:
    """Keep the last part of a path, without what cannot be stored or shown."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    name = name.encode("utf-8", "replace").decode()
    return CONTROL_CHARS.sub("", name)[:MAX_NAME_CHARS]
