"""Which state several machines go on from: the newest that one of them has.

Only the first process writes, so folders that are not shared have different states, or
none; and torchrun may number the machines anew.
"""

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import torch

from model.errors import TrainingFailed
from model.reporter import Reporter
from model.training.checkpoint_uploads import CheckpointBucket, first_line

NOTHING = -1  # the step of a machine that has no state
_SENT = "state/sent"  # what kept it from that, or nothing
_PATIENCE = timedelta(minutes=10)


class _State(NamedTuple):
    """What a machine could go on from."""

    step: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "_State":
        """Read a file of Lightning's; one that is not there, or torn, is none."""
        try:
            state = torch.load(path, map_location="cpu", weights_only=False, mmap=True)
            step = int(state["global_step"])
        except (OSError, LookupError, TypeError, ValueError, RuntimeError, EOFError):
            return cls(NOTHING, "")
        with path.open("rb") as file:
            return cls(step, hashlib.file_digest(file, "sha256").hexdigest())


def agree_on_state(
    store: Any,
    machine: int,
    machines: int,
    folder: Path,
    names: Sequence[str],
    *,
    bucket: CheckpointBucket | None,
    report: Reporter,
) -> None:
    """Give every machine the newest state; one process of each machine calls this.

    The one that has it sends it by the bucket of the run's copies, the others fetch it.
    Where folders are the same, or nobody has anything, nothing is done.

    Args:
        store: torchrun's, shared by the machines.
        machine: number of this one.
        machines: that take part.
        folder: of the run, here.
        names: files of a state, the one that is resumed last.
        bucket: of the run's copies; None: there are none.
        report: takes a line for the user.

    Raises:
        TrainingFailed: they differ and there is no bucket, or it does not answer.
    """
    own = _State.of(folder / names[-1])
    store.set(f"state/{machine}", f"{own.step} {own.sha256}")
    places = [f"state/{number}" for number in range(machines)]
    store.wait(places, _PATIENCE)
    states = [_read(store.get(place)) for place in places]
    if len(set(states)) == 1:
        return
    newest = max(range(machines), key=lambda number: (states[number].step, -number))
    if bucket is None:
        told = ", ".join(
            f"machine {number}: {_words(state)}" for number, state in enumerate(states)
        )
        raise TrainingFailed(
            f"The machines would go on from different states ({told}). Let them share "
            "the folder, name a place for copies with --checkpoints-to, or copy the "
            f"folder of machine {newest} to the others."
        )
    if machine == newest:
        _send(store, folder, names, bucket)
        report(f"all machines go on from machine {newest}'s step {own.step}")
    elif own != states[newest]:
        store.wait([_SENT], _PATIENCE)
        if why := store.get(_SENT).decode():
            raise TrainingFailed(f"Machine {newest} has the newest state. {why}")
        for name in names:
            (folder / name).unlink(missing_ok=True)
        bucket.fetch_newer(folder, tuple(names))
        if _State.of(folder / names[-1]) != states[newest]:
            raise TrainingFailed(
                f"{bucket.url} does not give machine {machine} the state that machine "
                f"{newest} sent there: let all machines use the same place for copies."
            )


def _send(
    store: Any, folder: Path, names: Sequence[str], bucket: CheckpointBucket
) -> None:
    """Copy this machine's state to the bucket, and tell those that wait how it went."""
    try:
        for name in names:
            if (folder / name).is_file():
                bucket.put(folder / name)
    except Exception as exc:
        why = f"It could not be copied to {bucket.url}: {first_line(exc)}"
        store.set(_SENT, why)
        raise TrainingFailed(why) from exc
    store.set(_SENT, "")


def _read(told: bytes) -> _State:
    step, _, sha256 = told.decode().partition(" ")
    return _State(int(step), sha256)


def _words(state: _State) -> str:
    return "nothing" if state.step == NOTHING else f"step {state.step}"
