"""Which engines there are; each says itself what it can do and whether it is here.

Adding one is a module that calls `register_engine` and its line in
`model.engines.choose`. Registering loads no heavy library.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from model.checkpoint.archive import Checkpoint
from model.engines.runtime import Runtime, StreamRuntime


class OpenRuntime(Protocol):
    """Opens a checkpoint's network on an engine."""

    def __call__(
        self,
        checkpoint: Checkpoint,
        *,
        precision: str,
        threads: int | None,
        budget_bytes: int | None,
    ) -> Runtime:
        """Open it.

        Args:
            checkpoint: the network's.
            precision: one of the engine's.
            threads: of the CPU; the engine's own choice if None.
            budget_bytes: of a GPU's memory; the engine's own choice if None.

        Raises:
            EngineUnavailable: the library, the device or the exported form is missing.
            BadCheckpoint: a part of the file is damaged.
        """
        ...


class OpenStream(Protocol):
    """Opens a causal network on an engine."""

    def __call__(
        self, checkpoint: Checkpoint, *, precision: str, threads: int | None
    ) -> StreamRuntime:
        """Open it; arguments as of `OpenRuntime`.

        Raises:
            EngineUnavailable, BadCheckpoint: see `OpenRuntime`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Engine:
    """One way to run a network.

    Attributes:
        name: what users call it.
        precisions: that it can compute in, the default first.
        preference: where a user leaves the choice, the highest that is available
            and can run the checkpoint is taken.
        is_available: whether its library and device are on this machine; quick, and
            loads a heavy library only where there is a sign of the device.
        can_run: whether a checkpoint holds what it needs.
        open: opens a checkpoint.
        open_stream: opens a checkpoint whose network is causal; None where the engine
            cannot run one step by step.
        can_stream: whether a checkpoint holds what that needs.
    """

    name: str
    precisions: tuple[str, ...]
    preference: int
    is_available: Callable[[], bool]
    can_run: Callable[[Checkpoint], bool]
    open: OpenRuntime
    open_stream: OpenStream | None = None
    can_stream: Callable[[Checkpoint], bool] = lambda _: True


ENGINES: dict[str, Engine] = {}


def register_engine(engine: Engine) -> None:
    """Add an engine under its name; one of the same name is replaced."""
    ENGINES[engine.name] = engine


def by_preference() -> list[Engine]:
    """Give every engine, the preferred first."""
    return sorted(ENGINES.values(), key=lambda engine: -engine.preference)
