"""One thread for torch, for small tensors are quickest on one; exports made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def export_cache(request: pytest.FixtureRequest) -> Path:
    """Where networks with their CPU forms are kept; see `exported_noise`."""
    cache = request.config.cache
    assert cache is not None
    return cache.mkdir("exported")
