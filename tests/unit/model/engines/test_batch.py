"""The chunk of a streaming trunk against a budget of memory."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from model.engines.batch import chunk_that_fits, estimate_chunk, fixed_bytes
from model.engines.runtime import WINDOWS_AT_ONCE
from model.engines.streaming import StreamingTrunk
from model.engines.torch_engine import cuda_chunk_len, estimate_head
from model.errors import EngineError
from model.network.activations import activate
from model.network.config import ModelConfig
from model.network.memory import DEFAULT_BUDGET_BYTES, peak_bytes
from model.network.spotter import Spotter
from model.video.frame_spec import FrameSpec
from tests.unit.model.engines.networks import ALL_OUTPUTS, noisy_spotter

pytestmark = pytest.mark.slow

SPEC = FrameSpec(64, 48)


@pytest.fixture(scope="module")
def trunk() -> StreamingTrunk:
    """The smallest trunk, as a stream."""
    return StreamingTrunk(Spotter(ModelConfig("rny002_gsm", "gru", 8, 2)))


@pytest.mark.costly
@pytest.mark.parametrize(
    ("arch", "dtype"), [("rny002_gsm", torch.float32), ("rn18_tsm", torch.float16)]
)
def test_a_chunk_takes_what_was_estimated(arch: str, dtype: torch.dtype) -> None:
    trunk = StreamingTrunk(Spotter(ModelConfig(arch, "gru", 8, 2)))
    trunk.net.to(dtype=dtype)
    frames = torch.zeros((5, 48, 64, 3), dtype=torch.uint8)
    marks = torch.ones(5)
    with torch.inference_mode():
        _, *state = trunk(frames, marks, marks)
        counted = peak_bytes(lambda: trunk(frames, marks, marks, *state))

    estimate = estimate_chunk(trunk, SPEC, steps=5)

    given = sum(x.nbytes for x in (frames, marks, marks, *state))
    weights = [*trunk.parameters(), *trunk.buffers()]
    assert estimate.activations_bytes == pytest.approx(counted + given, rel=0.001)
    assert estimate.weights_bytes == sum(weight.nbytes for weight in weights)


@pytest.mark.costly
def test_the_chunk_grows_with_the_budget_and_never_passes_it(
    trunk: StreamingTrunk,
) -> None:
    one = estimate_chunk(trunk, SPEC, steps=1).total_bytes
    chunks = []

    for budget in (one + 2**20, one + 2**23, 2**33):
        chunk = chunk_that_fits(trunk, SPEC, budget_bytes=budget, max_steps=64)
        assert estimate_chunk(trunk, SPEC, steps=chunk).total_bytes <= budget
        chunks.append(chunk)

    assert chunks[0] >= 1
    assert chunks[-1] == 64
    assert chunks == sorted(set(chunks))


@pytest.mark.costly
def test_half_precision_lets_the_gpu_take_more() -> None:
    spotter = Spotter(ModelConfig("rny002_gsm", "gru", 8, 2))
    budget = 2**25

    chunks = [
        cuda_chunk_len(spotter, SPEC, precision=precision, budget_bytes=budget)
        for precision in ("float32", "float16")
    ]

    assert 1 <= chunks[0] < chunks[1] <= 64


@pytest.mark.parametrize(
    ("head", "outputs"),
    [
        ("gru", {}),
        ("transformer", {}),
        ("multiscale", {}),
        ("causal_gru", ALL_OUTPUTS),
        ("", ALL_OUTPUTS),
    ],
)
def test_a_head_takes_what_was_estimated(head: str, outputs: Mapping[str, Any]) -> None:
    spotter = noisy_spotter("rn18", head, clip_len=100, outputs=outputs)
    windows = torch.zeros(WINDOWS_AT_ONCE, 100, spotter.feature_dim)

    estimate = estimate_head(spotter)

    with torch.inference_mode():
        counted = peak_bytes(lambda: activate(spotter.head(windows), spotter.config))
    weights = sum(
        weight.nbytes
        for name, weight in spotter.named_parameters()
        if not name.startswith("_features.")
    )
    assert estimate.weights_bytes == weights
    assert estimate.activations_bytes == pytest.approx(
        counted + windows.nbytes, rel=0.1
    )


@pytest.mark.costly
def test_the_head_has_its_share_of_the_budget() -> None:
    # 8 windows of 800 steps that all look at each other: more than the trunk needs.
    plain, attentive = (
        Spotter(ModelConfig("rny002", head, 800, 2)) for head in ("", "transformer")
    )
    budget = estimate_head(attentive).total_bytes + 2**23

    chunks = [
        cuda_chunk_len(spotter, SPEC, precision="float16", budget_bytes=budget)
        for spotter in (plain, attentive)
    ]

    assert chunks[1] < chunks[0]


@pytest.mark.costly
def test_a_budget_below_one_step_is_an_error(trunk: StreamingTrunk) -> None:
    with pytest.raises(EngineError, match="one step takes"):
        chunk_that_fits(trunk, SPEC, budget_bytes=2**20, max_steps=64)


@pytest.mark.costly
def test_two_videos_at_once_with_their_fixed_buffers_fit_a_card_of_8_gb() -> None:
    spotter = Spotter(ModelConfig("rny008_gsm", "gru", 100, 12))
    spec = FrameSpec(398, 224)
    half = DEFAULT_BUDGET_BYTES // 2
    chunk = cuda_chunk_len(spotter, spec, precision="float16", budget_bytes=half)
    trunk = StreamingTrunk(spotter)
    trunk.net.to(dtype=torch.float16)

    one = estimate_chunk(trunk, spec, steps=chunk).total_bytes
    kept = fixed_bytes(trunk, spec)

    assert kept > 0
    assert one + kept + estimate_head(spotter).total_bytes <= half
    assert chunk >= 32
