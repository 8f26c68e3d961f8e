"""The decoding process: reads one request, answers on a pipe, images by shared memory.

Started by `model.video.process` as `python -m model.video.child`; imports no torch.
"""

import errno
import importlib
import json
import os
import pkgutil
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import av

from model.errors import ModelError, NoRoom, VideoLimitExceeded
from model.video.arrival import Arrival, ComingFile
from model.video.clip_request import ClipRequest
from model.video.hardware import find_device
from model.video.input_file import InputFile, open_input
from model.video.join_request import JoinRequest
from model.video.limits import MediaLimits
from model.video.live.connection import SPEAKING, STOP
from model.video.live.loopback import Loopback
from model.video.live.receiver import LiveReceiver
from model.video.proxy import open_target
from model.video.reading_verbs import VERBS, Reading
from model.video.sandbox import (
    MESSAGE_BYTES,
    OPEN_FILES,
    die_with_thread,
    enter_sandbox,
    limit_self,
    watch_parent,
)
from model.video.sender import MessageChannel
from model.video.source import Tally

_UNLIMITED = -1  # resource.RLIM_INFINITY
_DRIVER_FILES = 256
_STDIN, _STDOUT, _STDERR = 0, 1, 2
_NO_ROOM = "The server's disk is full; free some room, then run the job again."
_NEVER_NEEDED = ("av.__main__", "av.datasets")


def main() -> None:
    """Answer one request and exit."""
    channel = MessageChannel(_private_stdout())
    request = _read_request()
    if request["die_with_thread"]:
        die_with_thread(request["parent"])
    channel.send(kind="alive")
    device = find_device(request.get("hardware", "off"))
    limit_self(
        # A card's driver reserves far more addresses than there is memory.
        memory_bytes=request["memory_bytes"] if device is None else _UNLIMITED,
        open_files=OPEN_FILES if device is None else _DRIVER_FILES,
        cpu_s=request["cpu_s"],
        file_bytes=request.get("file_bytes", MESSAGE_BYTES),
    )
    try:
        _answer(request, channel, device)
    except ModelError as exc:
        channel.send(kind="error", name=type(exc).__name__, detail=str(exc))
    except OSError as exc:
        is_full = exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        channel.send(
            kind="error",
            name=NoRoom.__name__ if is_full else None,
            detail=_NO_ROOM if is_full else f"{type(exc).__name__}: {exc}",
        )
    except MemoryError:
        channel.send(
            kind="error",
            name=VideoLimitExceeded.__name__,
            detail="Decoding the video needs more memory than is allowed. "
            "Scale it down, for example to 1920x1080.",
        )
    except Exception as exc:  # noqa: BLE001 - every error goes to the parent.
        channel.send(kind="error", name=None, detail=f"{type(exc).__name__}: {exc}")


def _answer(
    request: Mapping[str, Any], channel: MessageChannel, device: str | None
) -> None:
    """Open what is needed, enter the sandbox, and only then read the file."""
    with ExitStack() as cleanup:
        if request["verb"] in ("clips", "join"):
            make = _make_clips if request["verb"] == "clips" else _join
            make(request, channel, cleanup)
            return
        if request["verb"] == "live":
            _receive_live(request, channel)
            return
        path = request.get("path")
        told = request.get("coming")
        coming = ComingFile.from_request(told) if told else None
        file = cleanup.enter_context(open_input(Path(path), coming)) if path else None
        target = None
        if path and request["verb"] == "proxy":
            again = cleanup.enter_context(open_input(Path(path)))
            target = again, cleanup.enter_context(open_target(request["target"]))
        _import_all_of_pyav()
        report = enter_sandbox(
            reading=file.descriptor if file else None, has_driver=device is not None
        )
        channel.send(kind="sandbox", **asdict(report))
        if file is None:
            channel.send(kind="end")
        else:
            _read(file, request, channel, target, device)


def _make_clips(
    request: Mapping[str, Any], channel: MessageChannel, cleanup: ExitStack
) -> None:
    clips = ClipRequest(request, cleanup)
    output = cleanup.enter_context(open_target(request["target"]))
    _import_all_of_pyav()
    report = enter_sandbox(reading=clips.descriptor)
    channel.send(kind="sandbox", **asdict(report))
    tally = Tally()
    _start_watch(request["parent"], channel, tally, threading.Semaphore(0))
    made = clips.answer(
        output,
        tally=tally,
        tell=lambda frames: channel.send(kind="written", frames=frames),
    )
    channel.send(kind="end", **made)


def _join(
    request: Mapping[str, Any], channel: MessageChannel, cleanup: ExitStack
) -> None:
    joining = JoinRequest(request, cleanup)
    output = cleanup.enter_context(open_target(request["target"]))
    _import_all_of_pyav()
    report = enter_sandbox(reading=joining.descriptor)
    channel.send(kind="sandbox", **asdict(report))
    tally = Tally()
    _start_watch(request["parent"], channel, tally, threading.Semaphore(0))
    made = joining.answer(output, tally=tally, send=channel.send)
    channel.send(kind="end", **made)


def _receive_live(request: Mapping[str, Any], channel: MessageChannel) -> None:
    _import_all_of_pyav()
    growing = request["descriptor"] if request["input"] == "growing" else None
    near = Loopback(request["descriptor"])
    listen = near.listen if request["input"] in SPEAKING else None
    report = enter_sandbox(reading=growing, listen=listen)
    channel.send(kind="sandbox", **asdict(report))
    near.start()
    free = threading.Semaphore(request["slots"])
    receiver = LiveReceiver({**request, "port": near.port}, channel, free)
    _start_watch(request["parent"], channel, None, free, stop=receiver.stop)
    receiver.run()


def _import_all_of_pyav() -> None:
    """Import what PyAV imports when a file first needs it: then it no longer could."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if module.name not in _NEVER_NEEDED:
            with suppress(ImportError):
                importlib.import_module(module.name)


def _read(
    file: InputFile,
    request: Mapping[str, Any],
    channel: MessageChannel,
    target: tuple[InputFile, IO[bytes]] | None,
    device: str | None,
) -> None:
    tally = Tally()
    free = threading.Semaphore(request.get("slots", 0))
    _start_watch(request["parent"], channel, tally, free, arrival=file.arrival)
    limits = MediaLimits(**request["limits"])
    read = VERBS[request["verb"]]
    read(Reading(file, request, channel, limits, tally, free, target, device))


def _start_watch(
    parent: int,
    channel: MessageChannel,
    tally: Tally | None,
    free: threading.Semaphore,
    *,
    stop: Callable[[], None] | None = None,
    arrival: Arrival | None = None,
) -> None:
    """Start a thread that counts freed slots, reports progress, watches the parent.

    Without a tally it always reports: a live source may be silent. So it does while
    bytes of a coming file are waited for.
    """
    reported = Tally()

    def receive(data: bytes) -> None:
        if stop is not None and STOP in data:
            stop()
        free.release(len(data))

    def tick() -> None:
        nonlocal reported
        if tally is None:
            channel.send(kind="alive")
            return
        now = Tally(**asdict(tally))
        if now != reported or (arrival is not None and arrival.is_waited_for):
            channel.send(kind="alive")
            reported = now

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
        piece = os.read(_STDIN, 1)  # What follows the line is for the watch thread.
        if not piece:
            sys.exit(0)
        data += piece
    request: dict[str, Any] = json.loads(data)
    return request


if __name__ == "__main__":
    main()
