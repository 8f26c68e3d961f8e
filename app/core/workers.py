"""The workers of the service, one line each, and the command that starts one.

A new worker is a line here and its Celery entry, `worker/KIND.py`. It listens to the
queue that is named like it.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """One kind of worker.

    Attributes:
        kind: names its entry, queue, heartbeats, and its check in `/readyz`.
        needs: packages that not every install has.
        niceness: under `touchline serve`, added to its priority number.
        is_optional: a service without it is whole; `touchline serve` starts it where
            its packages are installed.
    """

    kind: str
    needs: tuple[str, ...] = ()
    niceness: int = 0
    is_optional: bool = False

    @property
    def title(self) -> str:
        """Its name for people, logs and reports."""
        return f"{self.kind} worker"

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages it needs that are not installed here; none of them is loaded."""
        return tuple(name for name in self.needs if find_spec(name) is None)


# In the order of their start. The network takes all cores it gets; the API comes first,
# and training after everything that somebody waits for.
WORKERS: Mapping[str, WorkerSpec] = {
    spec.kind: spec
    for spec in (
        WorkerSpec("background"),
        WorkerSpec("media", needs=("av",), niceness=3),
        WorkerSpec("gpu", needs=("av",), niceness=10),
        WorkerSpec(
            "train", needs=("torch", "lightning"), niceness=15, is_optional=True
        ),
        # It has to keep up with what is being played: it goes before the others.
        WorkerSpec("live", needs=("av",), is_optional=True),
    )
}


def workers_here(
    known: Iterable[WorkerSpec] = tuple(WORKERS.values()),
) -> list[WorkerSpec]:
    """List the workers that a service on this machine has, in the order of their start.

    One that it can do without is left out where its packages are not installed.
    """
    return [one for one in known if not (one.is_optional and one.missing)]


def worker_command(spec: WorkerSpec, *, node: str) -> list[str]:
    """Give the command of a worker.

    Args:
        node: its node name; %h stands for the name of the machine.
    """
    return [
        *(sys.executable, "-P", "-m", "worker.main", "-A", f"worker.{spec.kind}"),
        "worker",
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("-Q", spec.kind, "-n", node, "--loglevel", "INFO"),
    ]
