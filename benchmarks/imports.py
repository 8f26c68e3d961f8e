"""How long a large import takes over HTTP on this machine, and where the time goes.

    python -m benchmarks.imports [--events 20000] [--rounds 3] [--profile]

A real API with a Postgres of its own, and a CSV of events on a match that nobody has
spoken on. Prints the median and slowest by the clock, and how much processor time API
and client took together (Postgres's is not among it).
"""

import argparse
import cProfile
import pstats
import statistics
import tempfile
import time
from pathlib import Path

import httpx
from sqlalchemy.orm import Session

from app.annotations.importing import ImportStep
from app.annotations.service import Step
from app.annotations.timelines import View
from benchmarks.corrections import GAP_FRAMES, long_match
from tests.api_server import RunningApi, make_settings, running_api
from tests.services import running_postgres


def main() -> None:
    """Print a line for the preview and one for the import."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="Of the step itself.")
    words = parser.parse_args()
    with (
        running_postgres() as postgres,
        tempfile.TemporaryDirectory() as folder,
        postgres.fresh_database() as url,
    ):
        settings = make_settings(data_dir=Path(folder), database_url=url)
        with running_api(settings) as api:
            if words.profile:
                _profile(api, words.events)
            else:
                measure(api, words.events, words.rounds)


def measure(api: RunningApi, count: int, rounds: int) -> None:
    """Time the preview and the import, on a new match each round."""
    with httpx.Client(base_url=api.url, timeout=300, trust_env=False) as client:
        for name, query in (("preview", "?preview=true"), ("import", "")):
            taken_s, processor_s = [], []
            for _ in range(rounds):
                address = f"/videos/{long_match(api, count)}/events:import{query}"
                started, cpu = time.perf_counter(), time.process_time()
                answer = client.post(address, content=table(count))
                taken_s.append(time.perf_counter() - started)
                processor_s.append(time.process_time() - cpu)
                assert answer.json()["added_count"] == count, answer.text
            median_s, slowest_s = statistics.median(taken_s), max(taken_s)
            print(
                f"{name:8s} of {count} events: median {median_s:5.2f} s, slowest "
                f"{slowest_s:5.2f} s of {rounds}, processor "
                f"{statistics.median(processor_s):5.2f} s"
            )


def table(count: int) -> bytes:
    """Make a CSV of events between those that the model found, one second away."""
    lines = ["label,frame,team,player"]
    lines += [
        f"{('SHOT', 'PASS', 'DRIVE')[n % 3]},{n * GAP_FRAMES + 6},left,{n % 11}"
        for n in range(count)
    ]
    return "\n".join(lines).encode()


def _profile(api: RunningApi, count: int) -> None:
    """Print what the step spends its time on."""
    profile, call = cProfile.Profile(), ImportStep.__call__

    def profiled(self: ImportStep, session: Session, view: View) -> Step:
        return profile.runcall(call, self, session, view)

    ImportStep.__call__ = profiled  # type: ignore[method-assign] # to look in
    measure(api, count, 1)
    pstats.Stats(profile).sort_stats("cumulative").print_stats(40)


if __name__ == "__main__":
    main()
