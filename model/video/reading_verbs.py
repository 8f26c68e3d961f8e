"""What the decoding process does with one file, by the verb of a request."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import IO, Any

from model.video.decode import iter_chosen
from model.video.frame_index import frames_of_steps, index_frames, iter_stretch
from model.video.frame_spec import FrameSpec
from model.video.frame_stills import PICKED, pick_frames
from model.video.index_messages import send_index
from model.video.input_file import InputFile
from model.video.limits import MediaLimits
from model.video.probe import probe_file
from model.video.proxy import write_proxy
from model.video.ring import Ring
from model.video.sender import MessageChannel, StepSender
from model.video.shared_memory import read_shared
from model.video.source import Tally, open_video
from model.video.step_index import Stretch
from model.video.stills import pick_stills
from model.video.time_messages import TimeSender


@dataclass(frozen=True, slots=True)
class Reading:
    """One request about one file.

    Attributes:
        file: what is read.
        request: tells what to do.
        channel: takes the answer.
        limits: of what is read.
        tally: counts what is noticed.
        free: slots of the ring.
        target: of a proxy: the file opened once more, and what is written.
        device: that decodes, if it is not the processor.
    """

    file: InputFile
    request: Mapping[str, Any]
    channel: MessageChannel
    limits: MediaLimits
    tally: Tally
    free: threading.Semaphore
    target: tuple[InputFile, IO[bytes]] | None
    device: str | None


def _probe(one: Reading) -> None:
    facts = probe_file(one.file, limits=one.limits, tally=one.tally)
    one.channel.send(kind="facts", facts=asdict(facts))


def _stills(one: Reading) -> None:
    made = pick_stills(one.file, one.request, limits=one.limits, tally=one.tally)
    one.channel.send(kind="stills", **made)


def _frames(one: Reading) -> None:
    made = pick_frames(
        *(one.file, one.request),
        limits=one.limits,
        tally=one.tally,
        tell=lambda count: one.channel.send(kind=PICKED, frames=count),
    )
    one.channel.send(kind="frames", **made)


def _steps(one: Reading) -> None:
    index = index_frames(one.file, limits=one.limits, tally=one.tally)
    send_index(one.channel, index, frames_of_steps(index, one.request["fps"]))


def _times(one: Reading) -> None:
    times = TimeSender(one.channel)
    with open_video(one.file, limits=one.limits, tally=one.tally) as source:
        deque(times.note(source.frames()), maxlen=0)
    one.channel.send(kind="end", tally=asdict(one.tally))


def _proxy(one: Reading) -> None:
    if one.target is None:
        raise ValueError("a proxy is written somewhere")
    again, output = one.target
    made = write_proxy(
        *(one.file, again, output),
        fps=float(one.request["fps"]),
        limits=one.limits,
        tally=one.tally,
        note=TimeSender(one.channel).note,
    )
    output.flush()
    one.channel.send(kind="end", tally=asdict(one.tally), **made)


def _decode(one: Reading) -> None:
    request, limits, tally = one.request, one.limits, one.tally
    spec = FrameSpec.from_dict(request["spec"])
    wanted = request.get("hardware", "off")
    if one.device is None and wanted not in ("off", "auto"):
        tally.refused_hardware = wanted
    note = TimeSender(one.channel).note
    with StepSender(
        spec,
        Ring(request["ring"], spec, slots=request["slots"]),
        one.channel,
        one.free,
        converter_threads=request["converter_threads"],
        images_from=request["images_from"],
    ) as sender:
        told = request["stretch"]
        frames = (
            iter_chosen(
                *(one.file, spec),
                limits=limits,
                tally=tally,
                device=one.device,
                note=note,
            )
            if not told
            else iter_stretch(
                *(one.file, Stretch.from_bytes(read_shared(*told))),
                limits=limits,
                tally=tally,
            )
        )
        for chosen in frames:
            sender.send(chosen)
    one.channel.send(kind="end", tally=asdict(tally))


VERBS: Mapping[str, Callable[[Reading], None]] = {
    "probe": _probe,
    "stills": _stills,
    "frames": _frames,
    "steps": _steps,
    "times": _times,
    "proxy": _proxy,
    "decode": _decode,
}
