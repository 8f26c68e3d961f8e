"""The decoding process: reads one request, answers on a pipe, images by shared memory.

Started by `model.video.process` as `python -m model.video.child`; imports no torch.
"""

import importlib
import json
import os
import pkgutil
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import av

from model.errors import ModelError, VideoLimitExceeded
from model.video.decode import iter_chosen
from model.video.frame_spec import FrameSpec
from model.video.input_file import InputFile, open_input
from model.video.limits import MediaLimits
from model.video.probe import probe_file
from model.video.ring import Ring
from model.video.sandbox import (
    die_with_thread,
    enter_sandbox,
    limit_self,
    watch_parent,
)
from model.video.sender import Line, StepSender
from model.video.source import Tally
from model.video.stills import pick_stills

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_NEVER_NEEDED = ("av.__main__", "av.datasets")


def main() -> None:
    """Answer one request and leave."""
    line = Line(_private_stdout())
    request = _read_request()
    if request["die_with_thread"]:
        die_with_thread(request["parent"])
    line.send(kind="alive")
    limit_self(memory_bytes=request["memory_bytes"], cpu_s=request["cpu_s"])
    try:
        _answer(request, line)
    except ModelError as exc:
        line.send(kind="error", name=type(exc).__name__, detail=str(exc))
    except MemoryError:
        line.send(
            kind="error",
            name=VideoLimitExceeded.__name__,
            detail="Decoding the video needs more memory than is let in. "
            "Scale it down, for example to 1920x1080.",
        )
    except Exception as exc:  # noqa: BLE001 - the parent is told, whatever it is.
        line.send(kind="error", name=None, detail=f"{type(exc).__name__}: {exc}")


def _answer(request: Mapping[str, Any], line: Line) -> None:
    """Open what is needed, give up the rest, and only then look at the file."""
    with ExitStack() as cleanup:
        path = request.get("path")
        file = cleanup.enter_context(open_input(Path(path))) if path else None
        _import_all_of_pyav()
        report = enter_sandbox(reading=file.descriptor if file else None)
        line.send(kind="sandbox", **asdict(report))
        if file is None:
            line.send(kind="end")
        else:
            _look_at(file, request, line)


def _import_all_of_pyav() -> None:
    """Import what PyAV imports when a file first needs it: then it no longer could."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if module.name not in _NEVER_NEEDED:
            with suppress(ImportError):
                importlib.import_module(module.name)


def _look_at(file: InputFile, request: Mapping[str, Any], line: Line) -> None:
    tally = Tally()
    free = threading.Semaphore(request.get("slots", 0))
    _start_watch(request["parent"], line, tally, free)
    limits = MediaLimits(**request["limits"])
    if request["verb"] == "probe":
        facts = probe_file(file, limits=limits, tally=tally)
        line.send(kind="facts", facts=asdict(facts))
        return
    if request["verb"] == "stills":
        line.send(
            kind="stills", **pick_stills(file, request, limits=limits, tally=tally)
        )
        return

    spec = FrameSpec.from_dict(request["spec"])
    ring = Ring(request["ring"], spec, slots=request["slots"])
    with StepSender(spec, ring, line, free, painters=request["painters"]) as sender:
        for chosen in iter_chosen(file, spec, limits=limits, tally=tally):
            sender.send(chosen)
    line.send(kind="end", tally=asdict(tally))


def _start_watch(
    parent: int, line: Line, tally: Tally, free: threading.Semaphore
) -> None:
    """Let a thread count freed slots, tell of progress, and see the parent die."""
    told = Tally()

    def receive(data: bytes) -> None:
        free.release(len(data))

    def tick() -> None:
        nonlocal told
        now = Tally(**asdict(tally))
        if now != told:
            line.send(kind="alive")
            told = now

    watch = threading.Thread(
        target=watch_parent,
        args=(_STDIN,),
        kwargs={"parent": parent, "receive": receive, "tick": tick},
        daemon=True,
    )
    watch.start()


def _private_stdout() -> int:
    """Keep the pipe for messages; what libraries print goes to stderr."""
    own = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    return own


def _read_request() -> dict[str, Any]:
    data = b""
    while not data.endswith(b"\n"):
        piece = os.read(_STDIN, 1)  # What follows the line is for the watch.
        if not piece:
            sys.exit(0)
        data += piece
    request: dict[str, Any] = json.loads(data)
    return request


if __name__ == "__main__":
    main()
