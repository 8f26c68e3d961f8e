"""What a live source gives the decoding process: a descriptor, and how to read it."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from model.errors import SourceSilent

Input = Literal["stream", "datagrams", "growing", "rtsp", "rtmp"]

STOP = b"."
"""What is written to a decoding process to have the last segment and the end."""

SPEAKING = ("rtsp", "rtmp")
"""Inputs over which FFmpeg itself speaks; the others are plain bytes."""

Waiting = Callable[[], None]
"""Called often while something is waited for; raises to end the wait."""

POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of a source.

    Attributes:
        descriptor: what is read; closed with `close`.
        input: how.
        format: FFmpeg's name of the format; None: found out.
        address: for `rtsp` and `rtmp`: what FFmpeg asks for, with `{port}`.
        options: FFmpeg's, for `rtsp` and `rtmp`.
        idle_s: for `growing`: so long without an addition it is complete.
        burst_s: pictures come in bursts that lie so far apart, in seconds.
        began_at: `time.monotonic()` when its first bytes came.
        closing: called by `close`.
    """

    descriptor: int
    input: Input
    format: str | None = None
    address: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    idle_s: float = 0.0
    burst_s: float = 0.0
    began_at: float = field(default_factory=time.monotonic)
    closing: Callable[[], None] | None = None

    def close(self) -> None:
        """Let go of it."""
        if self.closing is not None:
            self.closing()
        os.close(self.descriptor)


class LiveSource(Protocol):
    """Where pictures come from.

    Attributes:
        name: what messages call it; holds no password.
        is_paced: bytes wait for their reader, so no step is ever left out.
        is_bursty: when bytes come says nothing about when they were made.
        is_pushed: others connect, and may come again; what one of them sends does
            not say that the source is wrong.
        is_over: it will never send again.
    """

    name: str
    is_paced: bool
    is_bursty: bool
    is_pushed: bool

    @property
    def is_over(self) -> bool:
        """Whether it will never send again."""

    def connect(self, wait: Waiting) -> Connection:
        """Return a connection; wait until there is one.

        Args:
            wait: called several times a second; what it raises ends the wait.

        Raises:
            SourceUnreachable: this try has failed; another may not.
        """

    def close(self) -> None:
        """Let go of what it holds; may be called twice."""


def wait_until(
    is_ready: Callable[[], bool], wait: Waiting, *, within_s: float | None = None
) -> None:
    """Wait until something is so.

    Raises:
        SourceSilent: it was not within `within_s`.
    """
    deadline = None if within_s is None else time.monotonic() + within_s
    while not is_ready():
        wait()
        if deadline is not None and time.monotonic() > deadline:
            raise SourceSilent(f"Nothing came within {within_s:g} s.")
        time.sleep(POLL_S)
