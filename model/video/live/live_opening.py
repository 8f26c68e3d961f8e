"""Opens a live source's bytes as video, in the sandbox."""

from collections.abc import Mapping
from typing import Any

import av
import av.error

from model.errors import SourceUnreachable, UnreadableVideo
from model.video.limits import CODECS, FORMATS
from model.video.live.connection import SPEAKING
from model.video.live.inputs import DatagramReader, GrowingReader, StreamReader

_LIVE_FORMATS = f"{FORMATS},flv,live_flv,rtsp,sdp,rtp"
_ANALYZE_US = 1_500_000


def open_input(request: Mapping[str, Any]) -> Any:
    """Open what a request names, with only the formats and codecs that are accepted.

    Raises:
        SourceUnreachable: the other side refuses.
        UnreadableVideo: what it sends is no video.
    """
    kind, descriptor = request["input"], request["descriptor"]
    options = {
        "format_whitelist": _LIVE_FORMATS,
        "codec_whitelist": f"{CODECS},aac,mp3,mp3float,opus,libopus,ac3",
        "analyzeduration": str(_ANALYZE_US),
        "protocol_whitelist": "rtsp,rtp,udp,tcp,rtmp" if kind in SPEAKING else "",
    }
    source: Any
    try:
        if kind in SPEAKING:
            address = request["address"].format(port=request["port"])
            options |= request["options"]
            return av.open(address, "r", options=options, metadata_errors="replace")
        source = _reader_of(kind, descriptor, request)
        return av.open(
            source,
            "r",
            format=request["format"],
            options=options,
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, OSError, ValueError) as exc:
        if kind in SPEAKING:
            raise SourceUnreachable(
                f"The source refuses or does not speak {kind.upper()}: "
                f"{exc.strerror if isinstance(exc, OSError) else exc}. Check the "
                "address, the name of the stream, user and password."
            ) from exc
        raise UnreadableVideo(
            "What the source sends is not a video that can be read. MPEG-TS, FLV, "
            "WebM, Matroska and fragmented MP4 are."
        ) from exc


def _reader_of(kind: str, descriptor: int, request: Mapping[str, Any]) -> Any:
    if kind == "datagrams":
        return DatagramReader(descriptor)
    if kind == "growing":
        return GrowingReader(descriptor, idle_s=request["idle_s"])
    return StreamReader(descriptor)
