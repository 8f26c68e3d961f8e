"""Answers that become files take the place of nothing that they should not."""

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.receivers import listener
from touchline.client.downloading import download, new_file
from touchline.client.transport import Limits, Transport

OLD, NEW = b"old old old", b"new new new"


def test_a_file_that_is_replaced_stays_as_private_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.touch(mode=0o600)

    with new_file(path, overwrite=True) as file:
        file.write(b"new")

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with (
        pytest.raises(OSError, match="no regular file"),
        new_file(pipe, overwrite=True),
    ):
        pytest.fail("there is nothing to write to")

    assert pipe.is_fifo()


def test_a_folder_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="no regular file"),
        new_file(tmp_path, overwrite=True),
    ):
        pytest.fail("there is nothing to write to")


@pytest.mark.parametrize("tag", [b'etag: "2"\r\n', b""])
def test_a_file_that_is_replaced_while_it_is_loaded_is_one_of_both(tag: bytes) -> None:
    """A bucket may not heed If-Range: then what it answers has to be looked at."""

    def answers() -> Iterator[bytes]:
        yield b'HTTP/1.1 200 OK\r\netag: "1"\r\n' + _body(OLD)[:-6]
        yield (
            b"HTTP/1.1 206 Partial Content\r\n"
            + tag
            + b"content-range: bytes 5-10/11\r\n"
            + _body(NEW[5:])
        )
        yield b'HTTP/1.1 200 OK\r\netag: "2"\r\n' + _body(NEW)

    told = answers()

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(next(told))
        connection.close()

    file = io.BytesIO()
    with listener(answer) as port:
        http = Transport(f"http://127.0.0.1:{port}", None, Limits(retry_s=20))
        download(http, "/clips/1/file", file)
        http.close()

    assert file.getvalue() == NEW


def _body(content: bytes) -> bytes:
    length = str(len(content)).encode()
    return b"content-length: " + length + b"\r\n\r\n" + content
