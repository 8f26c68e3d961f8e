"""A causal network as a stream gives the outputs of the uncut sequence."""

from typing import Any

import numpy as np
import pytest
import torch

from model.engines.streaming_network import StreamingNetwork
from model.engines.torch_stream import TorchStream
from model.errors import UnsupportedCheckpoint
from model.export.live import stream_outputs, uncut_outputs
from model.network.spotter import Spotter
from tests.unit.model.engines.networks import ALL_OUTPUTS, draw_frames, noisy_spotter

TOLERANCE = 1e-4
BEFORE = 4  # Steps in front of the video that must have no say.


def causal_spotter(
    arch: str = "rny002_gsm", sites: int | None = 0, **options: Any
) -> Spotter:
    return noisy_spotter(
        arch,
        "causal_gru",
        outputs=ALL_OUTPUTS,
        options={"look_ahead": 2, **options},
        look_ahead_sites=sites,
    )


def in_pieces(
    network: StreamingNetwork, frames: np.ndarray[Any, Any], seed: int
) -> list[np.ndarray[Any, Any]]:
    """Push frames in pieces of random lengths, something else around them."""
    around = draw_frames(BEFORE + network.delay, seed=9)
    pushed = np.concatenate((around[:BEFORE], frames, around[BEFORE:]))
    marks = torch.zeros(len(pushed))
    marks[BEFORE : BEFORE + len(frames)] = 1
    rng, at = np.random.default_rng(seed), 0
    state: tuple[torch.Tensor, ...] = ()
    rows: list[tuple[torch.Tensor, ...]] = []
    with torch.inference_mode():
        while at < len(pushed):
            end = at + int(rng.integers(1, 6))
            chunk = torch.from_numpy(pushed[at:end])
            found = network(chunk, marks[at:end], torch.ones(len(chunk)), *state)
            rows.append(found[: len(network.names)])
            state, at = found[len(network.names) :], end
    first = BEFORE + network.delay
    return [torch.cat(of)[first:].numpy() for of in zip(*rows, strict=True)]


@pytest.mark.costly
@pytest.mark.parametrize(
    ("arch", "sites", "options", "delay"),
    [
        ("rny002_gsm", 0, {}, 2),
        ("rny002_gsm", 2, {"layers": 2, "look_ahead": 0}, 4),
        ("rny002_gsm", None, {}, 28),
        ("rn18_tsm", 0, {}, 2),
        ("rn18_tsm", 3, {"look_ahead": 1}, 4),
        ("convnextt_gsm", 1, {}, 4),
        ("rny002", None, {}, 2),
    ],
)
@pytest.mark.slow
def test_outputs_are_the_uncut_sequences_wherever_the_cuts_fall(
    arch: str, sites: int | None, options: dict[str, int], delay: int
) -> None:
    spotter = causal_spotter(arch, sites, **options)
    frames = draw_frames(16)
    network = StreamingNetwork(spotter)

    outputs = in_pieces(network, frames, seed=delay)

    expected = uncut_outputs(list(frames), spotter)
    assert network.delay == delay
    for name, found in zip(network.names, outputs, strict=True):
        assert np.ptp(expected[name], axis=0).max() > 10 * TOLERANCE  # They differ.
        np.testing.assert_allclose(found, expected[name], atol=TOLERANCE)


def test_the_look_ahead_of_a_config_is_the_delay_of_its_stream() -> None:
    spotter = causal_spotter(sites=2, look_ahead=3)

    network = StreamingNetwork(spotter)

    assert spotter.config.look_ahead == network.delay == 7


def test_a_step_depends_on_nothing_beyond_the_look_ahead() -> None:
    spotter = causal_spotter("rn18_tsm", 1, look_ahead=1)
    frames = draw_frames(12)
    other = frames.copy()
    other[8:] = draw_frames(4, seed=5)

    first = uncut_outputs(list(frames), spotter)["scores"]
    second = uncut_outputs(list(other), spotter)["scores"]

    np.testing.assert_allclose(first[:6], second[:6], atol=1e-6)
    assert np.abs(first[6] - second[6]).max() > 1e-5


def test_a_stream_that_is_reset_begins_anew() -> None:
    spotter = causal_spotter("rn18_gsm", look_ahead=1)
    stream = TorchStream(spotter)
    frames = list(draw_frames(5))

    first = stream_outputs(frames, stream)
    second = stream_outputs(frames, stream)

    np.testing.assert_array_equal(first["scores"], second["scores"])


def test_a_head_without_state_is_refused() -> None:
    with pytest.raises(UnsupportedCheckpoint, match="causal_gru"):
        StreamingNetwork(noisy_spotter("rny002", "gru"))
