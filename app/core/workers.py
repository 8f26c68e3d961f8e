"""The workers of the service, one line each, and the command that starts one.

A new worker is a line here and its Celery entry, `worker/KIND.py`. It listens to the
queue that is named like it.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One kind of worker.

    Attributes:
        kind: names its entry, queue, heartbeats, and its check in `/readyz`.
        needs: a package that not every install has.
        niceness: under `touchline serve`, added to its priority number.
    """

    kind: str
    needs: str | None = None
    niceness: int = 0

    @property
    def title(self) -> str:
        """Its name for people, logs and reports."""
        return f"{self.kind} worker"


# In the order of their start. The network takes all cores it gets; the API comes first.
WORKERS: Mapping[str, WorkerSpec] = {
    spec.kind: spec
    for spec in (
        WorkerSpec("background"),
        WorkerSpec("media", needs="av", niceness=3),
        WorkerSpec("gpu", needs="av", niceness=10),
    )
}


def worker_command(spec: WorkerSpec, *, node: str) -> list[str]:
    """Give the command of a worker.

    Args:
        node: its node name; %h stands for the name of the machine.
    """
    return [
        *(sys.executable, "-P", "-m", "celery", "-A", f"worker.{spec.kind}", "worker"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("-Q", spec.kind, "-n", node, "--loglevel", "INFO"),
    ]
