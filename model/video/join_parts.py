"""Files that are to become one video: what each is, and whether they are alike."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from model.errors import ModelError, PartsDiffer, UnreadableVideo
from model.video.clock import start_of
from model.video.input_file import InputFile
from model.video.limits import CODECS, MediaLimits
from model.video.opening import find_video, open_container
from model.video.picture import orientation_of
from model.video.proxy_sound import CODECS as SOUND_CODECS
from model.video.source import Tally, VideoSource, open_video

PICTURES = ("h264", "hevc", "av1", "libdav1d", "vp9", "mpeg4")
SOUNDS = ("aac", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus", "flac", "alac")
"""What MP4 takes as it is; other sound is encoded, other pictures make parts differ."""

_WORDS = {
    "codec": "{part} has the codec {own}, {first} has {its}",
    "size": "the pictures of {part} are {own}, those of {first} {its}",
    "pixels": "the pixels of {part} are {own}, those of {first} {its}",
    "turn": "the pictures of {part} are turned by {own}, those of {first} by {its}",
    "setup": "{part} and {first} were encoded with different settings",
}


@dataclass(frozen=True, slots=True)
class JoinPart:
    """One of the files.

    Attributes:
        file: the video.
        again: the same, opened once more: sound that is encoded is read beside it.
        name: what people call it.
    """

    file: InputFile
    again: InputFile
    name: str


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a decoder is set up for once; all parts must have the same."""

    codec: str
    size: str
    pixels: str
    turn: str
    setup: bytes  # parameter sets

    def difference(self, first: "Pictures") -> str | None:
        """Say in what they differ from the first part's; None: in nothing."""
        return next(
            (name for name in _WORDS if getattr(self, name) != getattr(first, name)),
            None,
        )


@dataclass(frozen=True, slots=True)
class Sound:
    """What a decoder of sound is set up for once."""

    codec: str
    rate: int
    layout: str
    setup: bytes


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a part before its packets are read.

    Attributes:
        late: how many frames its decoder holds back.
        recorded_at: when its camera says that it was recorded, as ISO 8601.
        has_decoding_times_only: it does not say when frames are shown.
    """

    pictures: Pictures
    sound: Sound | None
    late: int
    time_base: Fraction
    size_bytes: int
    recorded_at: str | None
    has_decoding_times_only: bool


def look_at(part: JoinPart, *, limits: MediaLimits, tally: Tally) -> Traits:
    """Read what a part is; its first frame is decoded.

    Raises:
        ModelError: it is no video that can be used; the message names it.
    """
    try:
        with open_video(part.file, limits=limits, tally=tally) as source:
            first = next(source.frames(), None)
            if first is None:
                raise UnreadableVideo("Not one frame could be decoded.")
            picture, context = first.picture, source.stream.codec_context
            quarters, mirrored = orientation_of(picture)
            pictures = Pictures(
                codec=context.codec.canonical_name,
                size=f"{picture.width}x{picture.height}",
                pixels=picture.format.name,
                turn=f"{quarters * 90} degrees{' and mirrored' if mirrored else ''}",
                setup=bytes(context.extradata or b""),
            )
            late = max(int(context.has_b_frames), 0)
            has_decoding_times_only = source.has_decoding_times_only
        with opened(part, limits=limits, tally=tally) as source:
            stream = sound_of(source.container)
            return Traits(
                pictures=pictures,
                sound=_sound(stream),
                late=late,
                time_base=source.time_base,
                size_bytes=part.file.size_bytes,
                recorded_at=source.container.metadata.get("creation_time"),
                has_decoding_times_only=has_decoding_times_only,
            )
    except ModelError as exc:
        raise type(exc)(f"{part.name}: {exc}") from exc


def refuse_differences(parts: Sequence[JoinPart], traits: Sequence[Traits]) -> None:
    """Make sure that the packets of all parts may follow each other in one MP4.

    Raises:
        PartsDiffer: they may not; the message says which part, and why.
    """
    first = traits[0].pictures
    for part, one in zip(parts, traits, strict=True):
        what = one.pictures.difference(first)
        if what is not None:
            own, its = getattr(one.pictures, what), getattr(first, what)
            names = {"part": part.name, "first": parts[0].name}
            raise PartsDiffer(_WORDS[what].format(own=own, its=its, **names))
        if one.has_decoding_times_only:
            raise PartsDiffer(f"{part.name} does not tell when its frames are shown")
        if one.pictures.codec not in PICTURES:
            raise PartsDiffer(f"{part.name} has the codec {one.pictures.codec}")


def can_copy_sound(traits: Sequence[Traits]) -> bool:
    """Whether the packets of sound may follow each other, too."""
    first = traits[0].sound
    return (
        first is not None
        and first.codec in SOUNDS
        and first.rate > 0
        and all(one.sound == first for one in traits)
    )


@contextmanager
def opened(
    part: JoinPart, *, limits: MediaLimits, tally: Tally
) -> Iterator[VideoSource]:
    """Open a part for its packets, those of sound, too."""
    # Else what its sound is would not be known of every MPEG-TS.
    codecs = f"{CODECS},{SOUND_CODECS}"
    with open_container(part.file, codecs=codecs) as container:
        limits.check_streams(len(container.streams))
        stream = find_video(container)
        yield VideoSource(
            container=container,
            stream=stream,
            time_base=stream.time_base or Fraction(1, 1000),
            start_s=start_of(container, stream),
            limits=limits,
            tally=tally,
        )


def sound_of(container: InputContainer) -> AudioStream | None:
    """Return the sound that is played: the default one, else the first."""
    streams = list(container.streams.audio)
    if not streams:
        return None
    return max(streams, key=lambda s: (s.disposition & Disposition.default, -s.index))


def _sound(stream: AudioStream | None) -> Sound | None:
    if stream is None:
        return None
    context = stream.codec_context
    if not context:  # A codec that FFmpeg does not know.
        return Sound("unknown", 0, "", b"")
    return Sound(
        codec=context.name,
        rate=context.sample_rate or 0,
        layout=context.layout.name,
        setup=bytes(context.extradata or b""),
    )
