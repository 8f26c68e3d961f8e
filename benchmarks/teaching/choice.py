"""What to review next: by chance, or by what the present model is unsure of.

Doubt is the page's own: the errors that decisions are expected to mend, of the order of
review (`app.annotations.priority`), added up by stretch.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from app.annotations.priority import ReviewItem
from benchmarks.review import suggestions_at
from benchmarks.review_annotator import Session, Truth
from benchmarks.teaching.stretches import Stretch
from model.checkpoint.spotting_options import SpottingOptions
from model.evaluation.timed import TimedMatch

Worth = Callable[[ReviewItem], float]


def most_doubtful(
    timed: Sequence[TimedMatch],
    options: SpottingOptions,
    pool: Sequence[Stretch],
    count: int,
) -> list[Stretch]:
    """Choose the stretches in which most errors are expected, match after match."""
    return _best(timed, options, pool, count, lambda item: item.gain)


def rarest(
    timed: Sequence[TimedMatch],
    options: SpottingOptions,
    pool: Sequence[Stretch],
    count: int,
    *,
    known: Mapping[str, int],
) -> list[Stretch]:
    """Choose the stretches in which the types are expected of which fewest are known.

    Args:
        known: events reviewed so far, by type; an event of a type counts as the share
            that it adds to them.
    """
    return _best(
        timed,
        options,
        pool,
        count,
        lambda item: item.probability / (1 + known.get(item.event.label, 0)),
    )


def _best(
    timed: Sequence[TimedMatch],
    options: SpottingOptions,
    pool: Sequence[Stretch],
    count: int,
    worth: Worth,
) -> list[Stretch]:
    """Take the best stretches, of no match more than its share and one.

    Neighbours are alike, so that without a limit one match would take all places.
    """
    of_match: dict[str, list[ReviewItem]] = {}
    for match in timed:
        truth = Truth((), float(match.timeline.time_s[-1]))
        items, _ = Session(truth, suggestions_at(match, options)).plan()
        of_match[match.name] = items
    values = {
        stretch: sum(
            worth(item)
            for item in of_match[stretch.match]
            if stretch.span[0] <= item.event.time_ms / 1000 < stretch.span[1]
        )
        for stretch in pool
    }
    ordered = sorted(pool, key=lambda one: (-values[one], one.match, one.span))
    limit = count // max(len(of_match), 1) + 1
    taken: Counter[str] = Counter()
    chosen: list[Stretch] = []
    for stretch in ordered:
        if len(chosen) < count and taken[stretch.match] < limit:
            taken[stretch.match] += 1
            chosen.append(stretch)
    left = [one for one in ordered if one not in chosen]
    return chosen + left[: count - len(chosen)]
