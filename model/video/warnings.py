"""What users are told of a video that was decoded, though not all of it was right."""

from dataclasses import replace

from model.video.hardware import refused
from model.video.probe import VideoFacts
from model.video.source import Tally

_SAME_S = 0.1


def warnings_of(facts: VideoFacts, tally: Tally) -> dict[str, str]:
    """Return a sentence for each kind of fault, by a stable name."""
    found: dict[str, str] = {}
    if facts.is_truncated:
        found["truncated"] = (
            "The file is shorter than its header says; the rest is here."
        )
    damaged = tally.damaged_packets + max(tally.corrupt_frames, tally.corrupt_packets)
    if damaged:
        found["damaged"] = (
            f"{damaged} of {tally.packets} pieces of the video are damaged: events may "
            "be missing there."
        )
    faults = []
    if tally.wrong_times:
        faults.append(f"is wrong at {_counted(tally.wrong_times, 'frame')}")
    if tally.restarts:
        faults.append(f"starts again {_counted(tally.restarts, 'time')}")
    if faults:
        found["times"] = (
            f"The file's clock {' and '.join(faults)}. No frame is lost, but times of "
            "events may differ from those that a player shows."
        )
    if tally.refused_hardware:
        found["hardware"] = refused(tally.refused_hardware)
    return found


def corrected_facts(facts: VideoFacts, tally: Tally) -> VideoFacts:
    """Return the facts with length and frame count as the frames turned out."""
    if abs(facts.duration_s - tally.until_s) <= _SAME_S:
        return facts
    return replace(facts, duration_s=tally.until_s, frame_count_estimate=tally.frames)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
