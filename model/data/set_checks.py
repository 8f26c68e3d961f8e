"""Checks between matches: the same match twice, labels that differ in case alone."""

from collections.abc import Sequence

from model.data.duplicates import Fingerprint
from model.data.finding import Finding
from model.data.formats.provenance import cut_spans
from model.data.labels import Match, case_twins, label_names


def same_twice(matches: Sequence[Match]) -> list[Finding]:
    """Find matches that are in a set twice, by event times or by file contents."""
    found = []
    seen: list[Fingerprint] = []
    for mine in map(Fingerprint.of, matches):
        duplicate = next((other for other in seen if mine.is_same(other)), None)
        if duplicate is not None:
            found.append(_same(mine.match, duplicate.match, "remove one."))
        seen.append(mine)
    return found


def same_label_twice(matches: Sequence[Match]) -> list[Finding]:
    """Find labels that differ in case alone: `Pass` beside `PASS`."""
    found = []
    for rare, usual in case_twins(label_names(matches)).items():
        holder = next(
            match.name
            for match in matches
            if any(event.label == rare for event in match.labels.events)
        )
        text = (
            f"has the label {rare!r} beside {usual!r}, which is more frequent: if they "
            f"are one, `touchline data rename FOLDER '{rare}={usual}'`."
        )
        found.append(Finding(holder, "label_case", text))
    return found


def leaks(
    train: Sequence[Match], val: Sequence[Match], *, parts: tuple[str, str]
) -> list[Finding]:
    """Find matches that are on both sides of a split; `parts` names the sides.

    Stretches of one match that do not overlap may be, where labels name them.
    """
    seen = [Fingerprint.of(match) for match in train]
    advice = (
        f"what is trained on in {parts[0]} would be tested in {parts[1]}. Remove it "
        "from one of them."
    )
    found = []
    for mine in map(Fingerprint.of, val):
        same = (
            other
            for other in seen
            if mine.is_same(other) and not _are_apart(mine.match, other.match)
        )
        duplicate = next(same, None)
        if duplicate is not None:
            found.append(_same(mine.match, duplicate.match, advice))
    return found


def _are_apart(one: Match, other: Match) -> bool:
    """Whether nothing is known of both matches at the same time."""
    ours, theirs = one.labels.reviewed, other.labels.reviewed
    return ours is not None and theirs is not None and not cut_spans(ours, theirs)


def missing_labels(train: Sequence[Match], val: Sequence[Match]) -> list[Finding]:
    """Find the labels that validation has and training lacks."""
    have = {event.label for match in train for event in match.labels.events}
    found: dict[str, str] = {}
    for match in val:
        for event in match.labels.events:
            if event.label not in have:
                found.setdefault(event.label, match.name)
    text = "has {}, which no training match has: move a match over, or leave it out"
    return [
        Finding(name, "label_missing", text.format(label))
        for label, name in sorted(found.items())
    ]


def _same(match: Match, other: Match, advice: str) -> Finding:
    text = f"is the same match as {other.name}: {advice}"
    return Finding(match.name, "same_match", text)
