"""The push parser: the same pieces wherever the net cuts the bytes."""

import pytest

from app.core.errors import (
    InvalidRequest,
    RequestProblem,
    UnsupportedBody,
    UploadBroken,
)
from app.videos.upload_form import (
    FileBytes,
    FileStarted,
    FormReader,
    Piece,
    TextField,
    read_boundary,
)

CONTENT = b"abc\r\n--X\r\n\r\ndef--XX\r\n--"
BODY = (
    b'--XX\r\nContent-Disposition: form-data; name="title"\r\n\r\nh\xc3\xa9llo\r\n'
    b'--XX\r\ncontent-disposition: form-data; name="file"; '
    b'filename="a \xc3\xa9.mp4"\r\n'
    b"Content-Type: video/mp4\r\n\r\n" + CONTENT + b"\r\n--XX--\r\n"
)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 64, 10_000])
def test_pieces_do_not_depend_on_where_bytes_are_cut(step: int) -> None:
    pieces = _read(BODY, step=step)

    assert [piece for piece in pieces if not isinstance(piece, FileBytes)] == [
        TextField("title", "héllo"),
        FileStarted("a é.mp4"),
    ]
    assert _content(pieces) == CONTENT


@pytest.mark.parametrize("cut", range(1, len(BODY) - 3))
def test_a_body_cut_anywhere_is_broken(cut: int) -> None:
    with pytest.raises(UploadBroken):
        _read(BODY[:cut])


@pytest.mark.parametrize("ending", [b"", b"\r\n", b"\r\nan epilogue"])
def test_what_follows_the_last_boundary_does_not_matter(ending: bytes) -> None:
    assert _content(_read(BODY[:-2] + ending)) == CONTENT


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="C:\\\\videos\\\\final.mp4"', "final.mp4"),
        ("filename*=UTF-8''na%C3%AFve.mp4", "naïve.mp4"),
        ('filename="a\x07b\x7f.mp4"', "ab.mp4"),
        ('filename="' + "x" * 400 + '"', "x" * 255),
        ('filename=""', ""),
    ],
)
def test_a_filename_is_a_name_and_never_a_path(sent: str, kept: str) -> None:
    head = f'--XX\r\nContent-Disposition: form-data; name="file"; {sent}\r\n\r\n'

    started = _read(head.encode() + b"x\r\n--XX--\r\n")[0]

    assert started == FileStarted(kept)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"no boundary at all", UploadBroken),
        (b"--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--\r\n", InvalidRequest),
        (b"--XX\r\n\x00bad: header\r\n\r\nx\r\n--XX--\r\n", UploadBroken),
        (b"--XX\r\nA: " + b"a" * 100_000, UploadBroken),
        (
            b'--XX\r\nContent-Disposition: form-data; name="t"\r\n\r\n' + b"a" * 9000,
            InvalidRequest,
        ),
        (
            b'--XX\r\nContent-Disposition: form-data; name="t"\r\n\r\n\r\n' * 37,
            InvalidRequest,
        ),
    ],
)
def test_a_bad_body_is_refused(body: bytes, problem: type[RequestProblem]) -> None:
    with pytest.raises(problem):
        _read(body)


def test_a_file_under_another_name_is_named_at_once() -> None:
    part = (
        b'--XX\r\nContent-Disposition: form-data; name="video"; '
        b'filename="m.mp4"\r\n\r\n'
    )

    with pytest.raises(InvalidRequest, match=r"named 'file'; you sent .* 'video'"):
        FormReader(b"XX").feed(part)


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=utf-8; boundary="a b"', b"a b"),
    ],
)
def test_the_boundary_is_read_from_the_header(header: str, boundary: bytes) -> None:
    assert read_boundary(header) == boundary


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "multipart/form-data",
        "application/json",
        "multipart/mixed; boundary=x",
    ],
)
def test_another_content_type_is_refused_with_a_hint(header: str | None) -> None:
    with pytest.raises(UnsupportedBody, match="curl -F file=@"):
        read_boundary(header)


def test_a_boundary_longer_than_the_standard_allows_is_refused() -> None:
    with pytest.raises(UnsupportedBody):
        FormReader(b"x" * 1000)


def _read(body: bytes, *, step: int = 4096) -> list[Piece]:
    reader = FormReader(b"XX")
    pieces: list[Piece] = []
    for start in range(0, len(body), step):
        pieces += reader.feed(body[start : start + step])
    reader.finish()
    return pieces


def _content(pieces: list[Piece]) -> bytes:
    return b"".join(piece.data for piece in pieces if isinstance(piece, FileBytes))


def test_a_name_in_a_charset_that_is_none_is_refused() -> None:
    part = b"--XX\r\nContent-Disposition: form-data; filename*0*=u\x00tf-8''a\r\n\r\n"

    with pytest.raises(InvalidRequest, match="Content-Disposition"):
        _read(part + b"x\r\n--XX--\r\n")
