"""Whether a file ends before its own header says: an upload or copy that was cut off.

MPEG-TS says nothing of its length, so that of it nobody can tell.
"""

from av.container import InputContainer
from av.video.stream import VideoStream

from model.video.input_file import InputFile

_SEGMENT_ID = b"\x18\x53\x80\x67"
_HEAD_BYTES = 4096


def is_truncated(
    file: InputFile, container: InputContainer, stream: VideoStream
) -> bool:
    """Return whether the header promises more bytes than the file has."""
    size, head = file.size_bytes, file.read(_HEAD_BYTES, at=0)
    if head[:4] == b"RIFF":
        return int.from_bytes(head[4:8], "little") + 8 > size
    if "matroska" in container.format.name:
        return _segment_end(head) > size
    if "mp4" in container.format.name:
        last = stream.index_entries[-1] if len(stream.index_entries) else None
        return last is not None and last.pos + last.size > size
    return False


def _segment_end(head: bytes) -> int:
    """Return where Matroska's one big element ends; 0 where it does not say."""
    at = head.find(_SEGMENT_ID)
    if at < 0 or at + 12 > len(head):
        return 0
    at += len(_SEGMENT_ID)
    length = 9 - head[at].bit_length()  # EBML: leading zeros count the bytes.
    value = int.from_bytes(head[at : at + length], "big") & ~(1 << 7 * length)
    is_unknown = value == (1 << 7 * length) - 1
    return 0 if is_unknown else at + length + value
