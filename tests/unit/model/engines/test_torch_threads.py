"""An engine of torch takes so many threads as it was told, and changes no others."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from model.checkpoint.archive import Checkpoint
from model.checkpoint.library import find_named
from model.engines.torch_engine import open_runtime
from model.engines.torch_stream import open_stream

pytestmark = pytest.mark.slow
USUAL, ASKED_FOR = 3, 2


@pytest.fixture(autouse=True)
def usual_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(USUAL)
    yield
    torch.set_num_threads(before)


def stream_step() -> None:
    checkpoint = Checkpoint.open(find_named("arena-rny002-live"))
    spec = checkpoint.manifest.frame_spec
    stream = open_stream(checkpoint, threads=ASKED_FOR)
    stream.step(np.zeros((spec.out_height, spec.out_width, 3), np.uint8))


def chunk() -> None:
    checkpoint = Checkpoint.open(find_named("arena-rny002"))
    spec = checkpoint.manifest.frame_spec
    runtime = open_runtime(
        checkpoint, device="cpu", precision="float32", threads=ASKED_FOR
    )
    steps = runtime.chunk_len
    frames = np.zeros((steps, spec.out_height, spec.out_width, 3), np.uint8)
    marks = np.ones(steps, np.float32)
    runtime.head(runtime.trunk(frames, marks, marks)[None])


@pytest.mark.parametrize("compute", [stream_step, chunk])
def test_threads_are_those_asked_for_while_it_computes_and_then_the_usual_ones(
    compute: Callable[[], None],
) -> None:
    seen: set[int] = set()

    def look(*_: object) -> None:
        seen.add(torch.get_num_threads())

    with torch.nn.modules.module.register_module_forward_pre_hook(look):
        compute()

    assert seen == {ASKED_FOR}
    assert torch.get_num_threads() == USUAL
