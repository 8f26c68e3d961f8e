"""The streaming trunk gives the uncut trunk's features, wherever the cuts fall."""

import numpy as np
import pytest
import torch

from model.engines.streaming import StreamingTrunk
from model.network.spotter import Spotter
from tests.unit.model.engines.networks import draw_frames, noisy_spotter, uncut_features

pytestmark = pytest.mark.slow

TOLERANCE = 1e-4

ARCHS = [
    ("rny002_gsm", 26),
    ("rny008_gsm", 28),
    ("rny002_tsm", 13),
    ("rny002", 0),
    ("rn18_gsm", 16),
    ("rn18_tsm", 8),
    ("convnextt_gsm", 36),
]


def stream(trunk: StreamingTrunk, frames: np.ndarray, cuts: list[int]) -> np.ndarray:
    """Push frames through in chunks of these lengths, then flush."""
    count = len(frames)
    flush = np.full((trunk.delay, *frames.shape[1:]), 200, dtype=np.uint8)
    frames = np.concatenate((frames, flush))
    is_video = torch.cat((torch.ones(count), torch.zeros(trunk.delay)))
    state: tuple[torch.Tensor, ...] = ()
    features, at = [], 0
    with torch.inference_mode():
        while at < len(frames):
            end = at + cuts.pop(0)
            chunk = torch.from_numpy(frames[at:end])
            marks = is_video[at:end]
            out, *rest = trunk(chunk, marks, torch.ones_like(marks), *state)
            state, at = tuple(rest), end
            features.append(out)
    return torch.cat(features)[trunk.delay :][:count].numpy()


@pytest.mark.costly
@pytest.mark.parametrize(("arch", "delay"), ARCHS)
def test_features_are_the_uncut_trunks_wherever_the_cuts_fall(
    arch: str, delay: int
) -> None:
    spotter = noisy_spotter(arch)
    frames = draw_frames(24)
    trunk = StreamingTrunk(spotter)
    cuts = np.random.default_rng(delay).integers(1, 12, 90).tolist()

    features = stream(trunk, frames, cuts)

    expected = uncut_features(spotter, frames)
    assert trunk.delay == delay
    assert np.ptp(expected, axis=0).max() > 100 * TOLERANCE  # They differ.
    np.testing.assert_allclose(
        features, expected, atol=TOLERANCE * max(1.0, np.abs(expected).max())
    )


@pytest.mark.parametrize("count", [1, 5])
def test_a_video_shorter_than_the_delay_has_its_features_too(count: int) -> None:
    spotter = noisy_spotter()
    frames = draw_frames(count)

    features = stream(StreamingTrunk(spotter), frames, [4] * 20)

    np.testing.assert_allclose(
        features, uncut_features(spotter, frames), atol=TOLERANCE
    )


def test_what_stands_outside_the_video_has_no_say() -> None:
    spotter = noisy_spotter()
    frames = draw_frames(12)
    trunk = StreamingTrunk(spotter)
    before = draw_frames(8, seed=1)
    around = np.concatenate((before, frames, draw_frames(30, seed=2)))
    is_video = torch.zeros(len(around))
    is_video[8:20] = 1

    with torch.inference_mode():
        out, *_ = trunk(torch.from_numpy(around), is_video, torch.ones(len(around)))

    features = out[8 + trunk.delay :][:12].numpy()
    np.testing.assert_allclose(
        features, uncut_features(spotter, frames), atol=TOLERANCE
    )


def test_a_frame_of_padding_is_zero_after_normalisation() -> None:
    spotter = noisy_spotter("rny002")
    frames = torch.from_numpy(draw_frames(2))

    with torch.inference_mode():
        (features,) = StreamingTrunk(spotter)(
            frames, torch.ones(2), torch.tensor([1.0, 0.0])
        )
        blank = spotter.trunk(torch.zeros(1, 1, 3, *frames.shape[1:3]))[0, 0]

    np.testing.assert_allclose(features[1].numpy(), blank.numpy(), atol=TOLERANCE)
    assert (features[0] - features[1]).abs().max() > 100 * TOLERANCE


def test_streaming_leaves_the_network_itself_as_it_was() -> None:
    spotter = noisy_spotter()
    frames = draw_frames(6)
    before = uncut_features(spotter, frames)
    keys = set(spotter.state_dict())

    StreamingTrunk(spotter)

    assert set(spotter.state_dict()) == keys
    np.testing.assert_array_equal(uncut_features(spotter, frames), before)


@pytest.mark.costly
def test_half_precision_stays_near_float32() -> None:
    spotter: Spotter = noisy_spotter()
    frames = draw_frames(12)
    trunk = StreamingTrunk(spotter)
    trunk.net.half()

    features = stream(trunk, frames, [7] * 20)

    expected = uncut_features(spotter, frames)
    assert np.abs(features - expected).max() < 0.02 * np.abs(expected).max()
