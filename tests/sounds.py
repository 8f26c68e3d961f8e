"""Videos that beep, and when beeps are heard: for tests that sound stays in step."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

Beeps = Sequence[float]


def beep(path: Path, source: Path, beeps_s: Beeps, **options: Any) -> None:
    """Copy a video and add a sound that beeps for a tenth of a second at some times.

    The sound begins `start_s` after the video's own clock does, and pauses where
    `pause` (from, to, in seconds) says: nothing at all is written there.
    """
    codec, rate = options.get("codec", "aac"), options.get("rate", 48_000)
    start_s, (pause_s, on_s) = options.get("start_s", 0.0), options.get("pause", (9, 9))
    length_s = options.get("length_s", 3.0)
    with av.open(str(source)) as reader, av.open(str(path), "w") as writer:
        pictures = reader.streams.video[0]
        copy = writer.add_stream_from_template(pictures)
        voice: Any = writer.add_stream(codec, rate=rate)
        voice.layout = "mono"
        at_s = np.arange(int(length_s * rate)) / rate + start_s
        loud = np.zeros(len(at_s), bool)
        for beep_s in beeps_s:
            loud |= (at_s >= beep_s) & (at_s < beep_s + 0.1)
        wave = (np.sin(at_s * 2 * np.pi * 1000) * loud * 0.5).astype(np.float32)
        form = voice.codec_context.format.name
        resampler = AudioResampler(form, "mono", rate)
        block = voice.codec_context.frame_size or 1024
        for begin in range(0, len(wave) - block, block):
            if pause_s <= at_s[begin] < on_s:
                continue
            samples = wave[None, begin : begin + block]
            frame = AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = begin + round(start_s * rate)
            for one in resampler.resample(frame):
                writer.mux(voice.encode(one))
        writer.mux(voice.encode(None))
        for packet in reader.demux(pictures):
            if packet.dts is not None:
                packet.stream = copy
                writer.mux(packet)


def heard(path: Path) -> list[float]:
    """Tell when beeps begin."""
    with av.open(str(path)) as container:
        resampler = AudioResampler("fltp", "mono", 48_000)
        loud = np.zeros(48_000 * 30, bool)
        for frame in container.decode(audio=0):
            for one in resampler.resample(frame):
                assert one.pts is not None
                assert one.time_base is not None
                values = np.abs(one.to_ndarray()[0]) > 0.1
                at = round(float(one.pts * one.time_base) * 48_000)
                start = max(0, -at)
                loud[at + start : at + len(values)] = values[start:]
    times = np.flatnonzero(loud) / 48_000
    gaps = np.diff(times, prepend=-1.0) > 0.05
    found: list[float] = times[gaps].tolist()
    return found
