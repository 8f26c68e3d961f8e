"""A live HLS playlist as a source: segments are fetched here, and read as one stream.

FFmpeg's own HLS reader would open whatever addresses a playlist names; here each one
goes through the caller's rules.
"""

import os
import select
import threading
import time
from collections.abc import Iterator

from model.errors import ModelError, SourceUnreachable
from model.video.live.connection import Connection, Waiting, wait_until
from model.video.live.dialing import Resolver, resolve_any
from model.video.live.hls_playlist import (
    ListedSegment,
    MediaPlaylist,
    Part,
    read_playlist,
)
from model.video.live.http_get import FileMissing, get
from model.video.live.pulling import split_address, without_password

_MAX_PLAYLIST_BYTES = 1 << 20
_MAX_SEGMENT_BYTES = 256 << 20
_PIECE_BYTES = 1 << 16
_FROM_THE_END = 3
_BURSTS = 3
_WRITE_S = 60.0
_MAX_LEVELS = 2
_AGAIN_S = (0.2, 1.0, 3.0)
_MAX_MISSING = 3


class _NobodyReads(Exception):
    """The decoding process has gone, or does not read."""


class HlsSource:
    """An `http(s)://….m3u8`, live or complete; the largest variant up to 1080 lines.

    It is as late as its segments are long, three of them and more. Sound that has a
    playlist of its own is not read; encrypted segments are refused.
    """

    is_paced, is_bursty, is_pushed = True, True, False

    def __init__(self, url: str, *, resolve: Resolver = resolve_any) -> None:
        """Name the playlist.

        Args:
            url: of the playlist.
            resolve: says which addresses may be connected to; asked for each file.

        Raises:
            SourceUnreachable: it is no such address.
        """
        self.name = without_password(split_address(url, ("http", "https")))
        self._url, self._resolve = url, resolve
        self._next: int | None = None
        self._held: ListedSegment | None = None
        self._is_closed = self._is_ended = self._has_begun = False
        self._thread: threading.Thread | None = None
        self._failure: ModelError | None = None

    @property
    def is_over(self) -> bool:
        """Whether the playlist has ended and was read."""
        return self._is_ended

    def connect(self, wait: Waiting) -> Connection:
        """Begin to fetch, where it was left off.

        Raises:
            SourceUnreachable: the server does not answer, or refuses.
            UnreadableVideo, UnsupportedMedia: it is no playlist that can be read.
        """
        if self._thread is not None:
            wait_until(lambda: not self._is_fetching, wait)
        wait()
        self._raise_failure()
        playlist = self._load()
        self._has_begun = False
        near, far = os.pipe()
        os.set_blocking(far, False)
        self._thread = threading.Thread(
            target=self._fetch, args=(far, playlist), name="hls", daemon=True
        )
        self._thread.start()
        try:  # What sends nothing is no broken video: the server says what it lacks.
            wait_until(lambda: self._has_begun or not self._is_fetching, wait)
            if not self._has_begun:
                self._raise_failure()
        except BaseException:
            os.close(near)
            raise
        return Connection(near, "stream", burst_s=_BURSTS * playlist.target_s)

    def close(self) -> None:
        """Fetch no more."""
        self._is_closed = True

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    @property
    def _is_fetching(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _load(self) -> MediaPlaylist:
        for _ in range(_MAX_LEVELS):
            with get(self._url, self._resolve) as (url, answer):
                text = answer.read(_MAX_PLAYLIST_BYTES).decode(errors="replace")
            read = read_playlist(text, url)
            if isinstance(read, MediaPlaylist):
                return read
            self._url = read
        raise SourceUnreachable("The HLS playlist names playlists that name others.")

    def _fetch(self, target: int, playlist: MediaPlaylist) -> None:
        """Write segments to the pipe until one needs a new beginning."""
        try:
            head: Part | None = None
            is_first, missing = True, 0
            for segment in self._segments(playlist):
                if segment.is_discontinuous and not is_first:
                    self._held = segment
                    return
                if segment.head is not None and segment.head != head:
                    self._copy(segment.head, target)
                    head = segment.head
                try:
                    self._copy(segment.media, target, number=segment.number)
                except FileMissing as exc:
                    missing += 1
                    if missing > _MAX_MISSING:
                        raise
                    self._next = segment.number + 1  # As where it is said to be none.
                    if is_first:
                        self._failure = exc  # Unless others come.
                else:
                    is_first, missing, self._failure = False, 0, None
        except ModelError as exc:
            self._failure = exc
        except _NobodyReads:
            return  # The next connection goes on.
        finally:
            os.close(target)

    def _segments(self, playlist: MediaPlaylist) -> Iterator[ListedSegment]:
        while not self._is_closed:
            held, self._held = self._held, None
            if held is not None:
                yield held
            new = self._new_of(playlist)
            yield from new
            if playlist.is_ended:
                self._is_ended = self._held is None
                return
            self._pause(playlist.target_s / (1 if new else 2))
            playlist = self._load_surely()

    def _new_of(self, playlist: MediaPlaylist) -> list[ListedSegment]:
        segments = list(playlist.segments)
        if self._next is None:
            return segments if playlist.is_ended else segments[-_FROM_THE_END:]
        if segments and segments[-1].number < self._next - len(segments):
            self._next = segments[0].number  # The server has begun to count anew.
        return [one for one in segments if one.number >= (self._next or 0)]

    def _load_surely(self) -> MediaPlaylist:
        for pause_s in _AGAIN_S:
            try:
                return self._load()
            except SourceUnreachable:
                self._pause(pause_s)
        return self._load()

    def _copy(self, part: Part, target: int, number: int | None = None) -> None:
        """Pass a file on; one that breaks off is gone on with where it broke off.

        Args:
            part: of the file.
            target: takes it.
            number: of the segment, which is not asked for again once some of it has
                been passed on: what was shown must not be shown twice.
        """
        passed = 0
        pauses_s = list(_AGAIN_S)
        while not self._is_closed:
            try:
                for data in self._pieces_of(part, skip=passed):
                    passed += len(data)
                    if number is not None:
                        self._next = number + 1
                    self._write(data, target)
            except SourceUnreachable as exc:
                may_come = isinstance(exc, FileMissing) and number is not None
                if not (passed or may_come) or not pauses_s:
                    raise
                self._pause(pauses_s.pop(0))
            else:
                return

    def _pieces_of(self, part: Part, *, skip: int) -> Iterator[bytes]:
        asked = None if part.size is None else (part.start, part.size)
        with get(part.url, self._resolve, byte_range=asked) as (_, answer):
            left = _MAX_SEGMENT_BYTES
            if asked is not None and answer.status != 206:
                raise SourceUnreachable(f"{self.name} serves no ranges of files.")
            while left > 0 and (data := answer.read1(min(left, _PIECE_BYTES))):
                left -= len(data)
                new, skip = data[skip:], max(0, skip - len(data))
                if new:
                    yield new
            if left > 0 and answer.length:
                raise SourceUnreachable(f"{self.name} broke off inside a segment.")

    def _write(self, data: bytes, target: int) -> None:
        deadline, rest = time.monotonic() + _WRITE_S, memoryview(data)
        while rest:
            if self._is_closed or time.monotonic() > deadline:
                raise _NobodyReads
            if not select.select([], [target], [], 0.2)[1]:
                continue
            try:
                rest = rest[os.write(target, rest) :]
                self._has_begun = True
            except BlockingIOError:
                continue
            except BrokenPipeError as exc:
                raise _NobodyReads from exc

    def _pause(self, pause_s: float) -> None:
        until = time.monotonic() + pause_s
        while not self._is_closed and (left_s := until - time.monotonic()) > 0:
            time.sleep(min(0.1, left_s))
