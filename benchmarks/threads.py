"""Steps a second of a training, by how torch's threads wait for each other.

    python -m benchmarks.threads [--beside 2] [--seconds 6] [--rounds 3]

The shipped checkpoint's head is trained on noise in a process of its own: alone, and
beside as many processes as `--beside` says that compute without end. OpenMP's threads
spin while they wait, by default; where others have the cores, they spin in the place of
the thread that they wait for. `OMP_WAIT_POLICY=PASSIVE` lets them sleep, which a worker
sets for itself and its training (`worker.main`). Ways are measured in turn; what counts
is the ratios.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.machine import processor

WAYS = {
    "threads that spin (OpenMP's default)": {},
    "threads that sleep (PASSIVE)": {"OMP_WAIT_POLICY": "PASSIVE"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
CLIPS, STEPS = 16, 96
SPIN = "while True: pass"


def main() -> None:
    """Measure, and print the table; or be one of the measured processes."""
    words = _parse_options()
    if words.measure:
        print(_steps_a_second(words.seconds))
        return
    print(f"{processor()}; {words.rounds} rounds of {words.seconds:g} s, the median\n")
    print("| steps a second | alone | beside others |\n|---|---|---|")
    alone = _in_turn(words.rounds, words.seconds)
    with _busy(words.beside):
        beside = _in_turn(words.rounds, words.seconds)
    for way in WAYS:
        print(f"| {way} | {alone[way]:.2f} | {beside[way]:.2f} |")


def _in_turn(rounds: int, seconds: float) -> dict[str, float]:
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, settings in WAYS.items():
            found[way].append(_measured(settings, seconds))
    return {way: statistics.median(rates) for way, rates in found.items()}


def _measured(settings: dict[str, str], seconds: float) -> float:
    unset = {name for of in WAYS.values() for name in of}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, "-m", "benchmarks.threads", "--measure"]
    done = subprocess.run(
        [*command, "--seconds", str(seconds)],
        env={**kept, **settings},
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return float(done.stdout)


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """Keep processes that compute without end beside what is measured."""
    with ExitStack() as stack:
        for _ in range(count):
            process = subprocess.Popen([sys.executable, "-c", SPIN])
            stack.callback(process.wait)
            stack.callback(process.kill)
        yield


def _steps_a_second(seconds: float) -> float:
    # Only the measured processes load torch.
    import torch

    from model.checkpoint.library import find_checkpoint
    from model.checkpoint.spotter_io import load_spotter
    from model.teaching.network import freeze_trunk

    network = load_spotter(find_checkpoint("arena-rny002"))
    network.train()
    optimiser = torch.optim.AdamW(freeze_trunk(network), lr=1e-4)
    features = torch.randn(CLIPS, STEPS, network.feature_dim)

    def step() -> None:
        optimiser.zero_grad()
        outputs = network.head(features).values()
        loss = torch.stack([raw.square().mean() for raw in outputs]).sum()
        loss.backward()  # type: ignore[no-untyped-call] # torch's own
        optimiser.step()

    step()
    count, started = 0, time.monotonic()
    while time.monotonic() - started < seconds:
        step()
        count += 1
    return count / (time.monotonic() - started)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--beside", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--seconds", type=float, default=6.0, help="a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
