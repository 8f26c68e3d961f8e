"""A request for clips, as the decoding process reads it from its parent."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from model.video.clip_copier import copy_clips
from model.video.clip_job import ClipJob, ClipSource
from model.video.clip_smart import cut_smartly
from model.video.clip_writer import write_clips
from model.video.cuts import Caption, Cut
from model.video.frame_times import FrameTimes
from model.video.input_file import open_input
from model.video.limits import MediaLimits
from model.video.packet_reader import CannotCopy
from model.video.source import Tally

if TYPE_CHECKING:
    from model.video.caption_picture import CaptionPainter

_COPYING = {"copy": copy_clips, "smart": cut_smartly}


class ClipRequest:
    """Clips to be made; all that they need is open before the sandbox is entered."""

    def __init__(self, request: Mapping[str, Any], cleanup: ExitStack) -> None:
        """Open the videos, and the font of captions.

        Raises:
            UnreadableVideo: a video is gone.
        """
        size = request["size"]
        self._mode, self._limits = request["mode"], MediaLimits(**request["limits"])
        self._job = ClipJob(
            [_opened(one, cleanup) for one in request["sources"]],
            [[_cut(one) for one in cuts] for cuts in request["files"]],
            None if size is None else (int(size[0]), int(size[1])),
            str(request["comment"]),
        )
        self._painter = _painter() if self._job.has_captions else None

    @property
    def descriptor(self) -> int:
        """Of the first video."""
        return self._job.sources[0].file.descriptor

    def answer(
        self, output: IO[bytes], *, tally: Tally, tell: Callable[[int], None]
    ) -> dict[str, Any]:
        """Write the clips; what cannot be copied is encoded anew.

        Raises:
            ModelError: see `model.video.source`.
            OSError: the output cannot be written.
        """
        limits = self._limits
        if self._mode in _COPYING:
            try:
                made = _COPYING[self._mode](
                    output, self._job, limits=limits, tally=tally, tell=tell
                )
                output.flush()
                return made
            except CannotCopy:
                output.seek(0, os.SEEK_END)
        made = write_clips(
            *(output, self._job),
            limits=limits,
            tally=tally,
            tell=tell,
            painter=self._painter,
        )
        output.flush()
        return made


def _opened(one: Mapping[str, Any], cleanup: ExitStack) -> ClipSource:
    memory, path = int(one["times"]), Path(one["path"])
    known = os.pread(memory, os.fstat(memory).st_size, 0)
    return ClipSource(
        cleanup.enter_context(open_input(path)),
        cleanup.enter_context(open_input(path)),
        FrameTimes(np.frombuffer(known, np.float64), float(one["until_s"])),
    )


def _cut(one: Sequence[Any]) -> Cut:
    first, until, source, captions = one
    return Cut(
        int(first),
        int(until),
        source=int(source),
        captions=tuple(
            Caption(float(from_s), tuple(map(str, lines))) for from_s, lines in captions
        ),
    )


def _painter() -> "CaptionPainter":
    from model.video.caption_picture import CaptionPainter

    return CaptionPainter()
