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
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import av

from model.errors import ModelError, NoRoom, VideoLimitExceeded
from model.video.clip_request import ClipRequest
from model.video.decode import iter_chosen
from model.video.frame_index import frames_of_steps, index_frames, iter_stretch
from model.video.frame_spec import FrameSpec
from model.video.frame_stills import PICKED, pick_frames
from model.video.hardware import find_device
from model.video.input_file import InputFile, open_input
from model.video.join_request import JoinRequest
from model.video.limits import MediaLimits
from model.video.live.connection import SPEAKING, STOP
from model.video.live.loopback import Loopback
from model.video.live.receiver import LiveReceiver
from model.video.probe import probe_file
from model.video.proxy import open_target, write_proxy
from model.video.ring import Ring
from model.video.sandbox import (
    MESSAGE_BYTES,
    OPEN_FILES,
    die_with_thread,
    enter_sandbox,
    limit_self,
    watch_parent,
)
from model.video.sender import MessageChannel, StepSender
from model.video.source import Tally, open_video
from model.video.stills import pick_stills
from model.video.time_messages import TimeSender

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
        file = cleanup.enter_context(open_input(Path(path))) if path else None
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
            _run_verb(file, request, channel, target, device)


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


def _run_verb(
    file: InputFile,
    request: Mapping[str, Any],
    channel: MessageChannel,
    target: tuple[InputFile, IO[bytes]] | None,
    device: str | None,
) -> None:
    """Do what is asked.

    Args:
        file: what is read.
        request: tells what to do.
        channel: takes the answer.
        target: of a proxy: the file opened once more, and what is written.
        device: that decodes, if it is not the processor.
    """
    tally = Tally()
    free = threading.Semaphore(request.get("slots", 0))
    _start_watch(request["parent"], channel, tally, free)
    limits = MediaLimits(**request["limits"])
    if request["verb"] == "probe":
        facts = probe_file(file, limits=limits, tally=tally)
        channel.send(kind="facts", facts=asdict(facts))
        return
    if request["verb"] == "stills":
        channel.send(
            kind="stills", **pick_stills(file, request, limits=limits, tally=tally)
        )
        return
    if request["verb"] == "frames":
        made = pick_frames(
            *(file, request),
            limits=limits,
            tally=tally,
            tell=lambda count: channel.send(kind=PICKED, frames=count),
        )
        channel.send(kind="frames", **made)
        return
    if request["verb"] == "steps":
        index = index_frames(file, limits=limits, tally=tally)
        channel.send(kind="end", steps=len(frames_of_steps(index, request["fps"])))
        return
    times = TimeSender(channel)
    if request["verb"] == "times":
        with open_video(file, limits=limits, tally=tally) as source:
            deque(times.note(source.frames()), maxlen=0)
        channel.send(kind="end", tally=asdict(tally))
        return

    if target is not None:
        again, output = target
        made = write_proxy(
            file,
            again,
            output,
            fps=float(request["fps"]),
            limits=limits,
            tally=tally,
            note=times.note,
        )
        output.flush()
        channel.send(kind="end", tally=asdict(tally), **made)
        return

    spec = FrameSpec.from_dict(request["spec"])
    wanted = request.get("hardware", "off")
    if device is None and wanted not in ("off", "auto"):
        tally.refused_hardware = wanted
    ring = Ring(request["ring"], spec, slots=request["slots"])
    with StepSender(
        spec,
        ring,
        channel,
        free,
        converter_threads=request["converter_threads"],
        images_from=request["images_from"],
    ) as sender:
        stretch = request["stretch"]
        frames = (
            iter_chosen(
                file, spec, limits=limits, tally=tally, device=device, note=times.note
            )
            if stretch is None
            else iter_stretch(file, spec.fps, stretch, limits=limits, tally=tally)
        )
        for chosen in frames:
            sender.send(chosen)
    channel.send(kind="end", tally=asdict(tally))


def _start_watch(
    parent: int,
    channel: MessageChannel,
    tally: Tally | None,
    free: threading.Semaphore,
    *,
    stop: Callable[[], None] | None = None,
) -> None:
    """Start a thread that counts freed slots, reports progress, watches the parent.

    Without a tally it always reports: a live source may be silent.
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
        if now != reported:
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
