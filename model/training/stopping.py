"""Ends a run that is asked to stop, between two steps, with its state on disk."""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import lightning

from model.errors import TrainingStopped

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_STOPPING = b"stopping after this step; ask once more to stop at once\n"


class StopOnSignal(lightning.Callback):
    """Saves the full state and ends the run at SIGTERM or Ctrl-C.

    All processes of a run agree after each step whether one of them was signalled.
    Lightning's own handler of SIGTERM speaks to the other processes from within the
    signal, which hangs when they are in the middle of an exchange, and saves nothing.
    """

    def __init__(self, path: Path) -> None:
        """Take the file that a resume goes on from."""
        self.path = path
        self.is_stop_requested = False
        self._is_first = True

    def on_train_start(self, trainer: Any, _module: Any) -> None:
        """Handle signals in place of Lightning, which restores all handlers at its end.

        Only a main thread can.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        self._is_first = bool(trainer.is_global_zero)
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)

    def on_train_batch_end(
        self,
        trainer: Any,
        _module: Any,
        _outputs: Any,
        _batch: Any,
        batch_idx: int,
    ) -> None:
        """Save and stop, if a process was signalled and a step is complete.

        Raises:
            TrainingStopped: in the first process; the others exit without a message.
        """
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        if not trainer.strategy.reduce_boolean_decision(
            self.is_stop_requested, all=False
        ):
            return
        trainer.save_checkpoint(self.path)
        if not trainer.is_global_zero:
            sys.exit(1)
        raise TrainingStopped(
            f"Stopped as asked after step {trainer.global_step}. Its state is in "
            f"{self.path}: go on with --resume."
        )

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.is_stop_requested = True
        signal.signal(number, signal.SIG_DFL)
        if self._is_first:  # Not by print, which may be what was interrupted.
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, _STOPPING)
