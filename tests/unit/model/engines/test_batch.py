"""The chunk of a streaming trunk against a budget of memory."""

import pytest
import torch

from model.engines.batch import chunk_that_fits, need_of_chunk
from model.engines.streaming import StreamingTrunk
from model.engines.torch_engine import cuda_chunk_len
from model.errors import EngineError
from model.network.config import ModelConfig
from model.network.memory import peak_bytes
from model.network.spotter import Spotter
from model.video.frame_spec import FrameSpec

SPEC = FrameSpec(64, 48)


@pytest.fixture(scope="module")
def trunk() -> StreamingTrunk:
    """The smallest trunk, as a stream."""
    return StreamingTrunk(Spotter(ModelConfig("rny002_gsm", "gru", 8, 2)))


def test_a_chunk_takes_what_was_foretold(trunk: StreamingTrunk) -> None:
    frames = torch.zeros((5, 48, 64, 3), dtype=torch.uint8)
    marks = torch.ones(5)
    with torch.inference_mode():
        _, *state = trunk(frames, marks, marks)
        counted = peak_bytes(lambda: trunk(frames, marks, marks, *state))

    need = need_of_chunk(trunk, SPEC, steps=5)

    given = sum(x.nbytes for x in (frames, marks, *state))
    assert need.activations_bytes == pytest.approx(counted + given, rel=0.02)


def test_the_chunk_grows_with_the_budget_and_never_passes_it(
    trunk: StreamingTrunk,
) -> None:
    one = need_of_chunk(trunk, SPEC, steps=1).total_bytes
    chunks = []

    for budget in (one + 2**20, one + 2**23, 2**33):
        chunk = chunk_that_fits(trunk, SPEC, budget_bytes=budget, most=64)
        assert need_of_chunk(trunk, SPEC, steps=chunk).total_bytes <= budget
        chunks.append(chunk)

    assert chunks[0] >= 1
    assert chunks[-1] == 64
    assert chunks == sorted(set(chunks))


def test_half_precision_lets_the_gpu_take_more() -> None:
    spotter = Spotter(ModelConfig("rny002_gsm", "gru", 8, 2))
    budget = 2**25

    chunks = [
        cuda_chunk_len(spotter, SPEC, precision=precision, budget_bytes=budget)
        for precision in ("float32", "float16")
    ]

    assert 1 <= chunks[0] < chunks[1] <= 64


def test_a_budget_below_one_step_is_an_error(trunk: StreamingTrunk) -> None:
    with pytest.raises(EngineError, match="one step takes"):
        chunk_that_fits(trunk, SPEC, budget_bytes=2**20, most=64)
