"""A request to join files, as the decoding process reads it from its parent."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from model.errors import ModelError
from model.video.input_file import InputFile, open_input
from model.video.join_copier import join_by_copy
from model.video.join_parts import JoinPart, Traits
from model.video.limits import MediaLimits
from model.video.source import Tally

LOOKED, COPIED = "looked", "copied"  # kinds of messages


class JoinRequest:
    """Files to be joined; all of them are open before the sandbox is entered."""

    def __init__(self, request: Mapping[str, Any], cleanup: ExitStack) -> None:
        """Open the parts.

        Raises:
            UnreadableVideo: one is gone; the message names it.
        """
        self._limits = MediaLimits(**request["limits"])
        self._parts = [
            JoinPart(_opened(one, cleanup), _opened(one, cleanup), str(one["name"]))
            for one in request["parts"]
        ]

    @property
    def descriptor(self) -> int:
        """Of the first part."""
        return self._parts[0].file.descriptor

    def answer(
        self, output: IO[bytes], *, tally: Tally, send: Callable[..., None]
    ) -> dict[str, Any]:
        """Write the file; see `join_by_copy`.

        Args:
            output: is written.
            tally: is kept up to date.
            send: takes messages for the parent.
        """

        def note(traits: Sequence[Traits]) -> None:
            send(
                kind=LOOKED,
                parts=[
                    {
                        "size": one.pictures.size,
                        "recorded_at": one.recorded_at,
                        "has_sound": one.sound is not None,
                    }
                    for one in traits
                ],
            )

        return join_by_copy(
            output,
            self._parts,
            limits=self._limits,
            tally=tally,
            tell=lambda count: send(kind=COPIED, bytes=count),
            note=note,
        )


def _opened(one: Mapping[str, Any], cleanup: ExitStack) -> InputFile:
    try:
        return cleanup.enter_context(open_input(Path(one["path"])))
    except ModelError as exc:
        raise type(exc)(f"{one['name']}: {exc}") from exc
