"""How long a search over the events of all matches takes in Postgres.

    python -m benchmarks.search [--matches 5000] [--events 2000] [--plans]

Fills a Postgres of its own with copies as `app.search` makes them: one type is rare,
players have numbers, matches have dates and competitions. Prints for each kind of
search the median and the 99th percentile of its statements in milliseconds, on the
clock and of Postgres's processor time, which other programs do not lengthen as much;
first of the statement that looks for stale copies. With `--plans` how Postgres does it.
"""

import argparse
import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import Select, create_engine, text
from sqlalchemy.orm import Session

from app.annotations.states import State
from app.core.db.session import database_url
from app.core.principal import DEFAULT_PROJECT_ID
from app.search.copy_queries import stale_videos
from app.search.criteria import EventSearch, SequenceWanted
from app.search.hits import MOST_ANCHORS, Position, find_hits, rarest_step
from app.search.queries import Place, search_page
from app.search.sequence_queries import sequences_page
from app.videos.search import VideoFilter
from benchmarks.search_rows import fill_search
from tests.services import running_postgres

LIMIT = 50
ROUNDS = 200
FIRST_DAY = date(2020, 1, 1)
EDITED: frozenset[State] = frozenset({"edited"})
SUGGESTED: frozenset[State] = frozenset({"suggested"})


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--matches", type=int, default=5000)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--plans", action="store_true")
    words = parser.parse_args()
    with running_postgres() as postgres, postgres.fresh_database() as url:
        engine = create_engine(database_url(url))
        with Session(engine) as session:
            fill_search(session, words.matches, words.events)
            measure(session, words.matches, has_plans=words.plans)
        engine.dispose()


@dataclass(frozen=True, slots=True)
class Chance:
    """What searches are about, drawn anew for each."""

    session: Session
    matches: int
    random: random.Random

    def place(self) -> Place:
        """Draw an event, after which a page begins."""
        found = self.session.execute(
            text(
                "select video_id, time_ms, event_id from searched_events where "
                "video_id = ('01980000-0000-7000-8000-' || :n)::uuid limit 1 offset :o"
            ),
            {
                "n": f"{self.random.randrange(1, self.matches):012x}",
                "o": self.random.randrange(1000),
            },
        ).one()
        return found.video_id, found.time_ms, found.event_id

    def player(self) -> str:
        """Draw a player's number."""
        return str(self.random.randrange(37))

    def league(self) -> VideoFilter:
        """Draw a competition."""
        return VideoFilter(competition=f"League {self.random.randrange(50)}")

    def ten_days(self) -> VideoFilter:
        """Draw ten days."""
        first = FIRST_DAY + timedelta(days=self.random.randrange(1950))
        return VideoFilter(from_date=first, to_date=first + timedelta(days=9))

    def match(self) -> VideoFilter:
        """Draw a match by its name."""
        return VideoFilter(words=f"match {self.random.randrange(self.matches)}")


Make = Callable[[Chance], tuple[EventSearch, Place | None]]

KINDS: dict[str, Make] = {
    "everything": lambda _: (EventSearch(), None),
    "everything, some page": lambda c: (EventSearch(), c.place()),
    "a rare type": lambda c: (EventSearch(labels=["GOAL"]), c.place()),
    "two rare types": lambda c: (EventSearch(labels=["GOAL", "SHOT"]), c.place()),
    "a type that is not there": lambda _: (EventSearch(labels=["NONE"]), None),
    "a player": lambda c: (EventSearch(players=[c.player()]), c.place()),
    "a player's rare type": lambda c: (
        EventSearch(labels=["GOAL"], players=[c.player()]),
        None,
    ),
    "a team that has none of the shots": lambda _: (
        EventSearch(labels=["SHOT"], teams=["left"], min_score=0.9),
        None,
    ),
    "passes of a team that is nowhere": lambda _: (
        EventSearch(labels=["PASS"], teams=["Nobody"]),
        None,
    ),
    "edited, where nothing is": lambda _: (EventSearch(states=EDITED), None),
    "passes above 0.99": lambda c: (
        EventSearch(labels=["PASS"], min_score=0.99, states=SUGGESTED),
        c.place(),
    ),
    "a competition's goals": lambda c: (
        EventSearch(labels=["GOAL"], videos=c.league()),
        None,
    ),
    "a competition": lambda c: (EventSearch(videos=c.league()), c.place()),
    "ten days' passes": lambda c: (
        EventSearch(labels=["PASS"], videos=c.ten_days()),
        None,
    ),
    "one match by its name": lambda c: (EventSearch(videos=c.match()), None),
}
SEQUENCES: dict[str, tuple[SequenceWanted, EventSearch]] = {
    "PASS,PASS,SHOT": (
        SequenceWanted(("PASS", "PASS", "SHOT"), 8000),
        EventSearch(),
    ),
    "PASS,PASS": (SequenceWanted(("PASS", "PASS"), 8000), EventSearch()),
    "PASS,SHOT,PASS": (SequenceWanted(("PASS", "SHOT", "PASS"), 8000), EventSearch()),
    "PASS x 10 in 60 s": (SequenceWanted(("PASS",) * 10, 60_000), EventSearch()),
    "PASS x 10 in 8 s, where none is": (
        SequenceWanted(("PASS",) * 10, 8000),
        EventSearch(),
    ),
    "SHOT,GOAL, where none is": (SequenceWanted(("SHOT", "GOAL"), 8000), EventSearch()),
    "PASS,PASS,SHOT by one team, where none is": (
        SequenceWanted(("PASS", "PASS", "SHOT"), 8000, same_team=True),
        EventSearch(),
    ),
    "PASS,PASS,SHOT of a player": (
        SequenceWanted(("PASS", "PASS", "SHOT"), 8000),
        EventSearch(players=["5"]),
    ),
    "PASS,PASS,SHOT of a competition": (
        SequenceWanted(("PASS", "PASS", "SHOT"), 8000),
        EventSearch(videos=VideoFilter(competition="League 7")),
    ),
}


def measure(session: Session, matches: int, *, has_plans: bool) -> None:
    """Time one kind of search after another."""
    gc.collect()
    gc.freeze()  # as an API process does at its start
    chance = Chance(session, matches, random.Random(0))
    show("stale copies", session, lambda: stale(session))
    for name, make in KINDS.items():
        made = [make(chance) for _ in range(ROUNDS)]
        show(name, session, *(page_of(session, *one) for one in made))
        if has_plans:
            wanted, after = made[0]
            statement = search_page(
                DEFAULT_PROJECT_ID, wanted, after=after, limit=LIMIT + 1
            )
            print(*plan_of(session, statement), sep="\n")
    for name, (sequence, filters) in SEQUENCES.items():
        wanted = replace(filters, sequence=sequence)
        places = [chance.place() for _ in range(ROUNDS)]
        step = rarest_step(session, DEFAULT_PROJECT_ID, sequence)
        runs = [page_of(session, wanted, place, step) for place in places]
        show(name, session, *runs)
        if has_plans:
            statement = sequences_page(
                *(DEFAULT_PROJECT_ID, wanted, sequence, step),
                after=places[0],
                limit=LIMIT + 1,
                most_anchors=MOST_ANCHORS,
            )
            print(*plan_of(session, statement), sep="\n")
    show(
        "a sequence's first page",
        session,
        page_of(session, replace(EventSearch(), sequence=sequence), None),
    )


def stale(session: Session) -> None:
    """Look for stale copies, as each search does first."""
    session.execute(stale_videos(limit=1000)).all()


def page_of(
    session: Session, wanted: EventSearch, after: Place | None, step: int | None = None
) -> Callable[[], object]:
    """Give what reads a page of a search."""
    start = Position(after, step)
    return lambda: find_hits(session, wanted, start=start, limit=LIMIT)


def show(name: str, session: Session, *runs: Callable[[], object]) -> None:
    """Run each, or one of them many times, and print how long they take."""
    backend = session.scalar(text("select pg_backend_pid()"))
    taken = [timed(run, backend) for run in (runs if len(runs) > 1 else runs * ROUNDS)]
    words = [f"{name:42s}"]
    for title, values in zip(
        ("clock", "processor"), zip(*taken, strict=True), strict=True
    ):
        ordered = sorted(values)
        p99 = ordered[int(len(ordered) * 0.99) - 1]
        words.append(f"{title} {statistics.median(ordered):6.1f} p99 {p99:6.1f}")
    print(", ".join(words), "ms", flush=True)


def timed(run: Callable[[], object], backend: int) -> tuple[float, float]:
    """Say how many milliseconds a run took, and Postgres computed."""
    before, started = processor_ms(backend), time.perf_counter()
    run()
    return (time.perf_counter() - started) * 1000, processor_ms(backend) - before


def processor_ms(process: int) -> float:
    """Read how long a process has computed; Linux alone tells."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e6


def plan_of(session: Session, statement: Select[*tuple[object, ...]]) -> Iterator[str]:
    compiled = statement.compile(
        dialect=session.get_bind().dialect, compile_kwargs={"literal_binds": True}
    )
    words = str(compiled).replace(":", r"\:")
    for (line,) in session.execute(text(f"explain (analyze, buffers) {words}")):
        yield f"    {line}"


if __name__ == "__main__":
    main()
