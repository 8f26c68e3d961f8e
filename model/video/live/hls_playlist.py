"""HLS playlists: which segments there are, and which variant is taken.

Source: RFC 8216; of its successor, RFC 8216bis, EXT-X-GAP.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urljoin

from model.errors import UnreadableVideo, UnsupportedMedia

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
_MAX_HEIGHT = 1080
_MAX_SEGMENTS = 10_000


@dataclass(frozen=True, slots=True)
class Part:
    """A file, or a range of one.

    Attributes:
        url: where it is.
        start: first byte.
        size: bytes; None is all of it.
    """

    url: str
    start: int = 0
    size: int | None = None


@dataclass(frozen=True, slots=True)
class ListedSegment:
    """One segment.

    Attributes:
        number: one more for each.
        media: its bytes.
        head: of fragmented MP4: what comes before them.
        is_discontinuous: its clock or codec is not that of the one before.
    """

    number: int
    media: Part
    head: Part | None
    is_discontinuous: bool


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """What is there of one variant.

    Attributes:
        segments: in order, without those that are said to be missing.
        target_s: no segment is longer, in seconds.
        is_ended: no more will come.
    """

    segments: tuple[ListedSegment, ...]
    target_s: float
    is_ended: bool


def read_playlist(text: str, url: str) -> MediaPlaylist | str:
    """Read a playlist; return the chosen variant's address if it only lists those.

    Args:
        text: of the playlist.
        url: of the playlist, that addresses in it are relative to.

    Raises:
        UnreadableVideo: it is no playlist.
        UnsupportedMedia: its segments are encrypted.
    """
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines()]
    if not lines or not lines[0].startswith("#EXTM3U"):
        raise UnreadableVideo("The address gives no HLS playlist (it must be .m3u8).")
    try:
        variant = _variant(lines, url)
        return variant or _Reader(url).read(lines)
    except (LookupError, ValueError) as exc:
        raise UnreadableVideo(f"The HLS playlist is damaged: {exc}.") from exc


def _variant(lines: list[str], url: str) -> str | None:
    """Return the largest variant of at most 1080 lines; of those the fullest."""
    found: list[tuple[tuple[bool, int, int], str]] = []
    for line, following in pairwise(lines):
        if line.startswith("#EXT-X-STREAM-INF:"):
            attributes = _attributes(line)
            height = int(attributes.get("RESOLUTION", "0x0").split("x")[1])
            rate = int(attributes.get("BANDWIDTH", "0"))
            fits = height <= _MAX_HEIGHT
            order = fits, height if fits else -height, rate
            found.append((order, _joined(url, following)))
    return max(found)[1] if found else None


class _Reader:
    """Reads the lines of a media playlist."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._segments: list[ListedSegment] = []
        self._head: Part | None = None
        self._range: str | None = None
        self._ends: dict[str, int] = {}
        self._is_discontinuous = self._is_missing = False
        self._first = self._count = 0
        self._target_s = 10.0
        self._is_ended = False

    def read(self, lines: list[str]) -> MediaPlaylist:
        for line in lines:
            name, _, value = line.partition(":")
            if line and not line.startswith("#"):
                self._add(line)
            else:
                self._tag(name, value)
        return MediaPlaylist(tuple(self._segments), self._target_s, self._is_ended)

    def _tag(self, name: str, value: str) -> None:
        match name:
            case "#EXT-X-TARGETDURATION":
                self._target_s = min(60.0, max(0.5, float(value)))
            case "#EXT-X-MEDIA-SEQUENCE":
                self._first = int(value)
            case "#EXT-X-BYTERANGE":
                self._range = value
            case "#EXT-X-DISCONTINUITY":
                self._is_discontinuous = True
            case "#EXT-X-GAP":
                self._is_missing = True
            case "#EXT-X-ENDLIST":
                self._is_ended = True
            case "#EXT-X-MAP":
                attributes = _attributes(value)
                head = self._part(attributes["URI"], attributes.get("BYTERANGE"))
                self._is_discontinuous |= self._head not in (None, head)
                self._head = head
            case "#EXT-X-KEY" if _attributes(value).get("METHOD") != "NONE":
                raise UnsupportedMedia(
                    "The HLS stream is encrypted. Give one without EXT-X-KEY."
                )

    def _add(self, address: str) -> None:
        if self._count >= _MAX_SEGMENTS:
            raise ValueError("too many segments")
        media = self._part(address, self._range)
        number = self._first + self._count
        self._count += 1
        self._range = None
        if self._is_missing:  # The server has no such file.
            self._is_missing = False
            return
        self._segments.append(
            ListedSegment(number, media, self._head, self._is_discontinuous)
        )
        self._is_discontinuous = False

    def _part(self, address: str, byte_range: str | None) -> Part:
        url = _joined(self._url, address)
        if byte_range is None:
            return Part(url)
        size, _, start = byte_range.partition("@")
        first = int(start) if start else self._ends.get(url, 0)
        if int(size) <= 0 or first < 0:
            raise ValueError(f"a range of {byte_range}")
        self._ends[url] = first + int(size)
        return Part(url, first, int(size))


def _joined(url: str, address: str) -> str:
    return urljoin(url, address.replace(" ", "%20"))


def _attributes(line: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(line)}
