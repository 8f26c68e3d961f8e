"""What a training's process and its worker tell each other: lines of JSON.

The worker sends the request first, then words; the process sends messages, each with
its `kind`:

    alive       it works
    machine     device, cards: where it computes
    line        text: for people
    progress    stage, done, eta_s: of `TeachWatch`
    point       curve, stage, step, values: of `TeachWatch`
    taught      checkpoint, figures, holdout, notes, warnings: the end
    paused      its state is saved: the end
    failed      error, detail: one of `model.errors`, by its name; the end
    busy        another process still trains in its folder: the end
    full        the disk has no room: the end
    memory      there is not enough of it: the end
    crashed     detail: a bug; its traceback is on stderr; the end
"""

import json
from collections.abc import Mapping
from typing import Any

Message = Mapping[str, Any]

PAUSE = "pause"  # the word that asks it to save its state and end
ENDS = frozenset({"taught", "paused", "failed", "busy", "full", "memory", "crashed"})


def to_line(message: Message) -> bytes:
    """Write a message."""
    return json.dumps(message).encode() + b"\n"


def from_line(line: bytes) -> Message:
    """Read a message.

    Raises:
        ValueError: it is none.
    """
    message = json.loads(line)
    if not isinstance(message, dict) or not isinstance(message.get("kind"), str):
        raise ValueError(f"not a message: {line[:100]!r}")
    return message
