"""`python -m tests.chaos --seed N`: one run, or several seeds in a row."""

import argparse
import signal
import sys
from pathlib import Path

from tests.chaos.plan import Plan
from tests.chaos.run import run_chaos
from tests.checkpoints import tiny_checkpoint


def main() -> int:
    """Run; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1, help="so many, from --seed on")
    parser.add_argument("--videos", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=6.0, help="of blows, at most")
    parser.add_argument("--broker", choices=["files", "redis", "both"], default="files")
    parser.add_argument("--logs", type=Path, help="where to put the service's logs")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # What was started is ended.
    checkpoint = tiny_checkpoint(Path(".pytest_cache/d/checkpoints"))
    failed = []
    for seed in range(given.seed, given.seed + given.seeds):
        broker = given.broker
        if broker == "both":
            broker = "redis" if seed % 2 else "files"
        logs = None if given.logs is None else given.logs / str(seed)
        plan = Plan(seed, given.videos, given.minutes, broker, logs=logs)
        if run_chaos(plan, checkpoint):
            failed.append(plan.command)
    for command in failed:
        print(f"failed: {command}")  # noqa: T201  # a command
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
