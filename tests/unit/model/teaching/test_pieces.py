"""Pieces and their cached features: what serving sees of the whole video."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.checkpoint.spotter_io import load_spotter
from model.data.frame_store import StoredMatch, open_match, prepare_match
from model.data.labels import Match
from model.data.matches import find_matches
from model.errors import NoRoom, TrainingFailed
from model.network.spotter import Spotter
from model.spotting.windows import Windows
from model.teaching.features import cache_plain, open_rows
from model.teaching.head import timed_matches
from model.teaching.pieces import (
    Frames,
    check_room,
    decoded_end_s,
    prepare_pieces,
)
from model.teaching.segments import stretches_of
from model.training.validation import reach, timed_match
from model.video.frame_spec import FrameSpec
from tests.unit.model.teaching.toys import toy_base, toy_dataset
from tests.unit.model.training.toys import FPS, HEIGHT, WIDTH

pytestmark = pytest.mark.slow

SPEC = FrameSpec(WIDTH, HEIGHT, fps=FPS)
SPANS = ((9.03, 11.5), (21.0, 22.97))
OVERLAP = 0.875


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Match:
    """A toy match of which two stretches are reviewed, far apart."""
    root = toy_dataset(
        tmp_path_factory.mktemp("data"), matches=1, seconds=30, reviewed=SPANS
    )
    return find_matches(root)[0]


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Spotter:
    """A toy network."""
    return load_spotter(toy_base(tmp_path_factory.mktemp("base") / "base.touchline"))


def frames_for(network: Spotter) -> Frames:
    """Say how stretches become pieces for a network."""
    clip_len = network.config.clip_len
    hop = Windows.with_share(clip_len, OVERLAP).hop
    return Frames(SPEC, clip_len + 4, hop)


def decoded(match: Match, root: Path, frames: Frames) -> list[StoredMatch]:
    """Decode the pieces."""
    return prepare_pieces(match, SPANS, root, frames, on_step=lambda _step, _last: None)


def test_scores_of_a_piece_are_those_that_serving_gives_the_whole_video(
    match: Match, network: Spotter, tmp_path: Path
) -> None:
    prepare_match(match, tmp_path / "whole", SPEC)
    whole = open_match(match, tmp_path / "whole", SPEC)
    labels = ("DRIBBLE", "DUNK")
    wanted = timed_match(network, whole, labels, SPEC, overlap=OVERLAP).timeline
    clip_len = network.config.clip_len
    frames = Frames(SPEC, clip_len + reach(network), frames_for(network).hop)

    parts = decoded(match, tmp_path / "pieces", frames)
    for number, part in enumerate(parts):
        path = tmp_path / f"{number}.f16"
        cache_plain(network, part, SPEC, path, on_steps=lambda _count: None)
        rows = open_rows(path, network.feature_dim)
        assert np.array_equal(part.frames[5], whole.frames[part.frame[5]])
        for one in stretches_of([part], context=clip_len, hop=frames.hop):
            stretch = one.of(part, rows[one.first : one.until], name="stretch")
            (timed,) = timed_matches(network, [stretch], labels, overlap=OVERLAP)
            known = stretch.known_steps()
            assert known is not None
            assert known.sum() > 15
            at = stretch.frame[known]
            # Half precision of the features is all that differs.
            assert np.allclose(
                timed.timeline.scores[known], wanted.scores[at], atol=2e-3
            )


@pytest.mark.costly
def test_pieces_and_features_that_were_cut_off_are_gone_on_with(
    match: Match, network: Spotter, tmp_path: Path
) -> None:
    frames = frames_for(network)
    whole = decoded(match, tmp_path, frames)
    pictures = [np.array(part.frames) for part in whole]
    cached = tmp_path / "plain.f16"
    cache_plain(network, whole[0], SPEC, cached, on_steps=lambda _count: None)
    rows = cached.read_bytes()

    folder = tmp_path / match.name
    (folder / "index.json").unlink()
    (folder / "2.rgb").unlink()
    with (folder / "1.rgb").open("rb+") as file:
        file.truncate(pictures[0][0].nbytes * 7 + 11)
    with cached.open("rb+") as file:
        file.truncate(1001)
    again = decoded(match, tmp_path, frames)
    cache_plain(network, again[0], SPEC, cached, on_steps=lambda _count: None)

    for part, picture in zip(again, pictures, strict=True):
        assert np.array_equal(part.frames, picture)
    assert cached.read_bytes() == rows


@pytest.mark.costly
def test_frames_that_a_power_cut_has_cost_are_decoded_again(
    match: Match, network: Spotter, tmp_path: Path
) -> None:
    frames = frames_for(network)
    pictures = [np.array(part.frames) for part in decoded(match, tmp_path, frames)]
    with (tmp_path / match.name / "1.rgb").open("rb+") as file:
        file.truncate(pictures[0][0].nbytes * 7 + 11)
    (tmp_path / match.name / "2.rgb").unlink()

    assert decoded_end_s(match, tmp_path) is None
    for part, picture in zip(decoded(match, tmp_path, frames), pictures, strict=True):
        assert np.array_equal(part.frames, picture)


@pytest.mark.costly
@pytest.mark.parametrize("torn", [b"", b'{"input": {"wid'])
def test_a_note_of_what_was_begun_that_a_full_disk_tore_costs_nothing_more(
    match: Match, network: Spotter, tmp_path: Path, torn: bytes
) -> None:
    frames = frames_for(network)
    folder = tmp_path / match.name
    folder.mkdir()
    (folder / "begun.json").write_bytes(torn)

    assert len(decoded(match, tmp_path, frames)) == len(SPANS)


@pytest.mark.costly
def test_what_is_decoded_is_there_without_its_video(
    match: Match, network: Spotter, tmp_path: Path
) -> None:
    frames, file = frames_for(network), tmp_path / "video.mp4"
    shutil.copyfile(match.video, file)
    copied = replace(match, video=file)
    before = decoded(copied, tmp_path, frames)
    file.unlink()

    after = decoded(copied, tmp_path, frames)

    assert decoded_end_s(copied, tmp_path) == pytest.approx(30.0, abs=0.2)
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one.frames, other.frames)


@pytest.mark.costly
def test_a_match_whose_video_changed_is_decoded_anew(
    match: Match, network: Spotter, tmp_path: Path
) -> None:
    frames = frames_for(network)
    decoded(match, tmp_path, frames)
    other = Frames(SPEC, frames.halo + 8, frames.hop)

    (first, _) = decoded(match, tmp_path, other)

    assert len(first) == other.ranges(SPANS)[0][1] - other.ranges(SPANS)[0][0]


def test_a_disk_without_room_is_refused_before_anything_is_decoded(
    tmp_path: Path,
) -> None:
    with pytest.raises(NoRoom, match="Free some and go on"):
        check_room(tmp_path, 10**15)


@pytest.mark.costly
def test_features_that_are_no_numbers_are_refused(
    match: Match, network: Spotter, tmp_path: Path
) -> None:
    part = decoded(match, tmp_path, frames_for(network))[0]
    with torch.no_grad():
        weight = next(network.parameters())
        kept = weight.clone()
        weight.fill_(float("nan"))
    try:
        with pytest.raises(TrainingFailed, match="NaN or infinite"):
            cache_plain(
                network, part, SPEC, tmp_path / "f16", on_steps=lambda _count: None
            )
    finally:
        with torch.no_grad():
            weight.copy_(kept)
