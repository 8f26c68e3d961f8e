"""Segments that are scored apart give what one run over the whole gives, to the bit."""

import struct
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from model.errors import CannotSplit
from model.spotting.predictor import EnginePredictor, load_predictor
from model.spotting.segments import (
    MOST_WORK,
    Segment,
    can_be_split,
    join_segments,
    plan_segments,
    plan_worthwhile,
    spot_segment,
)
from model.spotting.spot_file import SpottedVideo, spot_file
from model.video.step_index import StepIndex
from model.video.step_reading import read_steps_in_child
from tests.unit.model.engines.networks import ALL_OUTPUTS, exported_noise
from tests.videos import draw_video, join_bytes, match_picture

pytestmark = pytest.mark.slow

FRAMES, FPS = 420, 15


@pytest.fixture(scope="module")
def predictor(export_cache: Path) -> EnginePredictor:
    path = exported_noise(export_cache, outputs=ALL_OUTPUTS)
    found = load_predictor(path, engine="openvino", threads=1)
    assert isinstance(found, EnginePredictor)
    return found


def closed(folder: Path) -> Path:
    path = folder / "closed.mp4"
    draw_video(path, frames=FRAMES, fps=FPS, paint=match_picture, b_frames=2)
    return path


def open_gop(folder: Path) -> Path:
    """Encode groups whose first B-frames look back into the group before."""
    path = folder / "open.mp4"
    with av.open(str(closed(folder))) as source, av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        params = "open-gop=1:bframes=3:b-adapt=0:keyint=20:scenecut=0"
        stream.codec_context.options = {"x264-params": params}
        for number, frame in enumerate(source.decode(video=0)):
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            frame.pict_type = 0
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def uneven(folder: Path) -> Path:
    path = folder / "uneven.mkv"
    times_ms = [k * 70 + (k % 7) * 5 + (2500 if k > 100 else 0) for k in range(380)]
    draw_video(path, times_ms=times_ms, paint=match_picture)
    return path


def transport(folder: Path) -> Path:
    path = folder / "transport.ts"
    draw_video(path, frames=FRAMES, fps=FPS, paint=match_picture, b_frames=2)
    return path


def faster(folder: Path) -> Path:
    path = folder / "faster.mp4"
    draw_video(path, frames=700, fps=25, paint=match_picture, b_frames=2)
    return path


def edited(folder: Path) -> Path:
    """Hide both ends by an edit list, as a cut without encoding does."""
    path = folder / "edited.mp4"
    # Times below zero are what FFmpeg writes an edit list for.
    options = {"avoid_negative_ts": "disabled"}
    with (
        av.open(str(open_gop(folder))) as source,
        av.open(str(path), "w", options=options) as output,
    ):
        given = source.streams.video[0]
        stream = output.add_stream_from_template(given)
        for packet in source.demux(given):
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue
            hidden = int(Fraction(5, 2) / packet.time_base)
            packet.pts, packet.dts = packet.pts - hidden, packet.dts - hidden
            packet.stream = stream
            output.mux(packet)
    data = bytearray(path.read_bytes())
    length = data.index(b"elst") + 12  # of its only edit, in milliseconds
    (shown_ms,) = struct.unpack_from(">I", data, length)
    struct.pack_into(">I", data, length, shown_ms - 1300)
    path.write_bytes(data)
    return path


@dataclass(frozen=True)
class Drawn:
    """A video and what one run over the whole of it gives."""

    path: Path
    whole: SpottedVideo


WAYS = [closed, open_gop, uneven, transport, faster, edited]


@pytest.fixture(scope="module", params=WAYS)
def drawn(
    request: pytest.FixtureRequest,
    predictor: EnginePredictor,
    tmp_path_factory: pytest.TempPathFactory,
) -> Drawn:
    path = request.param(tmp_path_factory.mktemp("drawn"))
    return Drawn(path, spot_file(path, predictor=predictor, min_score=0.1))


@pytest.mark.parametrize("parts", [pytest.param(2, marks=pytest.mark.nightly), 4])
def test_joined_as_one(parts: int, drawn: Drawn, predictor: EnginePredictor) -> None:
    path, whole = drawn.path, drawn.whole
    index = read_steps_in_child(path, predictor.manifest.frame_spec.fps)
    index = StepIndex.from_bytes(index.to_bytes())  # as it comes to another machine
    segments = plan_segments(index.steps, predictor, parts=parts)
    scored = [
        spot_segment(path, segment, predictor=predictor, index=index)
        for segment in reversed(segments)  # whichever comes first
    ]
    timeline, spots = join_segments(scored[::-1], predictor=predictor, min_score=0.1)
    assert len(segments) == parts
    assert segments[-1].images_from > 0
    assert spots == whole.spots
    assert spots
    assert timeline.to_bytes() == whole.timeline.to_bytes()
    assert np.array_equal(timeline.scores, whole.timeline.scores)


def test_steps_and_times_are_those_of_one_run(drawn: Drawn) -> None:
    file = read_steps_in_child(drawn.path, FPS)

    assert file.steps == len(drawn.whole.timeline)
    assert drawn.whole.frame_times is not None
    assert file.frame_times.to_bytes() == drawn.whole.frame_times.to_bytes()
    assert file.until_s == drawn.whole.frame_times.until_s


@pytest.mark.costly
def test_the_longest_group_of_pictures(tmp_path: Path) -> None:
    path = tmp_path / "groups.mp4"
    draw_video(path, frames=100, fps=FPS, paint=match_picture, key_every=30)
    assert read_steps_in_child(path, FPS).longest_group_s == pytest.approx(2.0)
    draw_video(path, frames=100, fps=FPS, paint=match_picture, key_every=9999)
    assert read_steps_in_child(path, FPS).longest_group_s == pytest.approx(100 / FPS)


@pytest.mark.costly
def test_what_an_edit_list_hides_is_no_step(tmp_path: Path) -> None:
    path = edited(tmp_path)
    whole = read_steps_in_child(open_gop(tmp_path), FPS)

    assert read_steps_in_child(path, FPS).steps == pytest.approx(
        whole.steps - (2.5 + 1.3) * FPS, abs=1
    )


def test_segments_that_overlap_too_much_are_fewer(predictor: EnginePredictor) -> None:
    many = plan_segments(FRAMES, predictor, parts=50)
    few = plan_worthwhile(FRAMES, predictor, parts=50)

    def work(segments: list[Segment]) -> float:
        return sum(one.images_to - one.images_from for one in segments) / FRAMES

    assert work(many) > MOST_WORK >= work(few)
    assert 1 < len(few) < len(many)
    assert len(plan_worthwhile(FRAMES, predictor, parts=50, most_work=1.0)) == 1
    assert len(plan_worthwhile(20, predictor, parts=50)) == 1


def test_only_a_network_in_one_pass_can_be_split(predictor: EnginePredictor) -> None:
    clip_by_clip = replace(predictor, mode="reference")
    assert can_be_split(predictor)
    assert not can_be_split(clip_by_clip)
    with pytest.raises(CannotSplit):
        plan_segments(FRAMES, clip_by_clip, parts=2)


@pytest.mark.costly
def test_a_clock_that_restarts_is_not_split(tmp_path: Path) -> None:
    one, path = transport(tmp_path), tmp_path / "restarted.ts"
    join_bytes([one, one], path)
    with pytest.raises(CannotSplit):
        read_steps_in_child(path, FPS)


@pytest.mark.costly
def test_avi_is_not_split(tmp_path: Path) -> None:
    path = tmp_path / "old.avi"
    draw_video(path, frames=60, fps=FPS, paint=match_picture, b_frames=2)
    with pytest.raises(CannotSplit, match="when frames are shown"):
        read_steps_in_child(path, FPS)


@pytest.mark.costly
def test_a_video_with_one_key_frame_is_decoded_from_it(
    predictor: EnginePredictor, tmp_path: Path
) -> None:
    path = tmp_path / "one_key.mp4"
    draw_video(path, frames=FRAMES, fps=FPS, paint=match_picture, key_every=9999)
    segment = plan_segments(FRAMES, predictor, parts=2)[-1]
    index = read_steps_in_child(path, FPS)
    part = spot_segment(path, segment, predictor=predictor, index=index)
    whole = spot_file(path, predictor=predictor).timeline
    assert np.array_equal(part.scores, whole.scores[segment.first :])
