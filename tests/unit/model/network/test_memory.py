"""Memory known before a run, against what a real run takes."""

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from model.errors import EngineError
from model.network.config import ModelConfig
from model.network.memory import (
    DEFAULT_BUDGET_BYTES,
    MemoryEstimate,
    measure,
    peak_bytes,
    pick_batch,
    weights_bytes,
)
from model.network.spotter import Spotter

pytestmark = pytest.mark.slow


class ThreeSteps(nn.Module):
    """A module whose needs are known by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(10))
        self.twin = self.weight

    def forward(self, x: Tensor) -> Tensor:
        """Make y, a view of it, z and w; y is freed before w is made."""
        y = x + 1
        view = y.view(-1)
        z = view[::2] * 2
        del y, view
        return z + 1


def allocated_bytes(spotter: Spotter, clip: Tensor) -> int:
    """Ask the allocator itself how much a run took at the worst moment."""
    with (
        torch.inference_mode(),
        profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record,
    ):
        spotter(clip)
    assert record.profiler is not None
    events = [
        event
        for event in record.profiler.kineto_results.events()
        if event.name() == "[memory]"
    ]
    now = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak


def test_a_count_by_hand_agrees() -> None:
    estimate = measure(ThreeSteps(), torch.zeros(100))

    # x (400) stays; y (400) and z (200) meet; then z and w (200 each).
    assert estimate == MemoryEstimate(
        weights_bytes=40, activations_bytes=400 + 400 + 200
    )
    assert estimate.total_bytes == 1040


def test_storage_that_was_there_before_is_not_counted() -> None:
    x = torch.zeros(100)

    assert peak_bytes(lambda: x.add_(1).view(10, 10)) == 0


@pytest.mark.costly
@pytest.mark.parametrize("arch", ["rny002_gsm", "rn18_tsm"])
def test_the_meta_pass_counts_what_a_real_run_takes(arch: str) -> None:
    spotter = Spotter(ModelConfig(arch, "gru", clip_len=8, num_classes=2)).eval()
    clip = torch.zeros((1, 8, 3, 90, 160), dtype=torch.uint8)

    estimate = measure(spotter, clip)

    with torch.inference_mode():
        counted = peak_bytes(lambda: spotter(clip))
    # The allocator also serves the convolutions' own workspace.
    allocated = allocated_bytes(spotter, clip)
    assert estimate.activations_bytes == counted + clip.nbytes
    assert counted <= allocated <= 1.35 * counted


@pytest.mark.costly
def test_half_precision_takes_half() -> None:
    spotter = Spotter(ModelConfig("rny002_gsm", "gru", clip_len=8, num_classes=2))
    clip = torch.zeros((1, 8, 3, 96, 96), dtype=torch.uint8)

    full = measure(spotter.eval(), clip)
    half = measure(spotter.half(), clip)

    assert half.weights_bytes == pytest.approx(full.weights_bytes / 2, rel=0.01)
    # The raw frames are bytes in both.
    activations = [
        estimate.activations_bytes - clip.nbytes for estimate in (full, half)
    ]
    assert activations[0] == 2 * activations[1]


@pytest.mark.costly
def test_eight_gigabytes_hold_the_users_largest_network() -> None:
    with torch.device("meta"):
        spotter = Spotter(ModelConfig("rny008_gsm", "gru", 50, 3)).half().eval()
    clip = torch.empty((1, 50, 3, 224, 398), dtype=torch.uint8, device="meta")

    estimate = measure(spotter, clip)

    assert weights_bytes(spotter) == pytest.approx(25.3e6, rel=0.01)
    assert estimate.total_bytes < DEFAULT_BUDGET_BYTES / 8


@pytest.mark.parametrize("budget", [110, 119, 120, 500, 1009, 1010, 5000])
def test_the_batch_is_the_largest_under_the_budget(budget: int) -> None:
    def estimate(batch: int) -> MemoryEstimate:
        return MemoryEstimate(weights_bytes=100, activations_bytes=10 * batch)

    batch = pick_batch(estimate, budget_bytes=budget, max_batch=64)

    assert estimate(batch).total_bytes <= budget
    assert batch == 64 or estimate(batch + 1).total_bytes > budget


def test_a_need_that_grows_faster_than_it_began_still_fits() -> None:
    def estimate(batch: int) -> MemoryEstimate:
        return MemoryEstimate(weights_bytes=0, activations_bytes=batch * batch)

    batch = pick_batch(estimate, budget_bytes=1000)

    assert 1 < batch <= 31


def test_a_budget_too_small_for_one_says_what_to_do() -> None:
    with pytest.raises(EngineError, match=r"one step takes 2 MiB.*raise the budget"):
        pick_batch(lambda batch: MemoryEstimate(2**21, batch), budget_bytes=2**20)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu_takes_what_was_estimated() -> None:
    config = ModelConfig("rny002_gsm", "gru", clip_len=32, num_classes=2)
    spotter = Spotter(config).half().eval().cuda()
    clip = torch.zeros((4, 32, 3, 224, 398), dtype=torch.uint8, device="cuda")
    estimate = measure(spotter, clip)

    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() - clip.nbytes
    with torch.inference_mode():
        spotter(clip)
    taken = torch.cuda.max_memory_allocated() - before

    assert taken == pytest.approx(estimate.activations_bytes, rel=0.25)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_scores_on_a_gpu_in_half_precision_are_those_of_the_cpu() -> None:
    torch.manual_seed(0)
    spotter = Spotter(ModelConfig("rny002_gsm", "gru", 8, 2)).eval()
    clip = torch.randint(0, 256, (2, 8, 3, 112, 200), dtype=torch.uint8)

    with torch.inference_mode():
        expected = spotter(clip)["scores"].softmax(-1)
        full = spotter.cuda()(clip.cuda())["scores"].softmax(-1).cpu()
        half = spotter.half()(clip.cuda())["scores"].float().softmax(-1).cpu()

    torch.testing.assert_close(full, expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(half, expected, atol=2e-2, rtol=0)
