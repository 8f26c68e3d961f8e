"""A small real checkpoint with random weights, exported for the CPU engine.

It runs the whole way through; what it spots means nothing, but is always the same.
"""

import fcntl
import hashlib
from collections.abc import Callable
from pathlib import Path

from model.checkpoint.manifest import Manifest, Provenance
from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.network.config import ModelConfig
from model.video.frame_spec import FrameSpec

LABELS = ("PASS", "DRIVE", "SHOT")


def tiny_checkpoint(cache: Path) -> Path:
    """Give the checkpoint `tiny`, made anew only when code that makes it changed."""
    return made_once(cache, "tiny", make_checkpoint)


def made_once(cache: Path, name: str, make: Callable[[Path], object]) -> Path:
    """Give a checkpoint that is made anew only when the code that makes it changed.

    Tracing and exporting a network takes half a minute; `cache` outlives the session,
    and of several test processes one makes it while the others wait.

    Args:
        make: called with the path to write.
    """
    model = Path(__file__).parents[1] / "model"
    sources = [Path(__file__)]
    for room in ("network", "checkpoint", "engines", "spotting", "export"):
        sources += sorted((model / room).glob("*.py"))
    state = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    folder = cache / state.hexdigest()[:16]
    path = folder / f"{name}.touchline"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unfinished = folder / "unfinished" / path.name
            unfinished.parent.mkdir(exist_ok=True)
            make(unfinished)
            unfinished.replace(path)
    return path


def make_checkpoint(
    path: Path, *, labels: tuple[str, ...] = LABELS, threshold: float = 0.0
) -> Path:
    """Write a checkpoint that takes 96x54 frames at 15 a second.

    With a threshold of 0 every local maximum is a spot, so there are always some.
    """
    # torch takes seconds to import; tests that find the file made need none.
    import torch

    from model.checkpoint.spotter_io import save_spotter
    from model.export.openvino import attach_engines
    from model.network.spotter import Spotter

    path.parent.mkdir(parents=True, exist_ok=True)
    config = ModelConfig("rny002_gsm", "gru", clip_len=16, num_classes=len(labels))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        spotter = Spotter(config).eval()
    options = {label: LabelOptions(threshold, window_s=0.5) for label in labels}
    manifest = Manifest(
        name=path.stem,
        config=config,
        labels=labels,
        frame_spec=FrameSpec(width=96, height=54, fps=15.0),
        spotting=SpottingOptions(options, temperature=1.5),
        provenance=Provenance(version="test", notes="random weights"),
    )
    save_spotter(path, spotter, manifest)
    attach_engines(path)
    return path
