"""Which types a network is to tell, and which rows of the base's head they start from.

Without torch. A type is *carried* where no training event teaches it: its row stays
out of the loss, so that silence about it is not taken for its absence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from model.data.labels import Match, label_names
from model.errors import BadAnnotations
from model.teaching.options import TeachOptions


@dataclass(frozen=True, slots=True)
class TypePlan:
    """The types of the network to be taught.

    Attributes:
        labels: in the order of the logits: the base's first, in its order.
        rows: by type the labels of the base whose rows it starts from: one, several
            (their mean), or none (noise).
        carried: types that no training event teaches.
        notes: what a person should know.
    """

    labels: tuple[str, ...]
    rows: Mapping[str, tuple[str, ...]]
    carried: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def taught(self) -> tuple[str, ...]:
        """The types that have training events."""
        return tuple(label for label in self.labels if label not in self.carried)

    @property
    def has_new(self) -> bool:
        """Whether a type starts from noise."""
        return any(not self.rows[label] for label in self.labels)


def renaming(options: TeachOptions, names: Iterable[str]) -> dict[str, str | None]:
    """Say what becomes of each name: its type, or None where it is removed."""
    return {name: options.mapping.get(name, name) for name in names}


def plan_types(
    options: TeachOptions, base_labels: Sequence[str], train: Sequence[Match]
) -> TypePlan:
    """Decide on the types.

    Args:
        options: what is asked for.
        base_labels: of the base; none where its head is not kept.
        train: the training matches, their labels mapped already.

    Raises:
        BadAnnotations: no event teaches anything, or a type is neither the base's nor
            the data's.
    """
    sources: dict[str, list[str]] = {}
    for label, target in renaming(options, base_labels).items():
        if target is not None:
            sources.setdefault(target, []).append(label)
    in_data = label_names(train)
    known = tuple(dict.fromkeys((*sources, *in_data)))
    labels = known
    if options.types is not None:
        if unknown := [label for label in options.types if label not in known]:
            raise BadAnnotations(
                f"{', '.join(unknown)}: neither the training data nor the base has "
                f"such a type; there are {', '.join(known) or 'none'}. Label some "
                "events of it, or leave it out."
            )
        labels = tuple(label for label in known if label in options.types)
    taught = [label for label in labels if label in in_data]
    if not taught:
        raise BadAnnotations(
            "No reviewed stretch for training has an event of these types: there is "
            "nothing to teach. Label some events, or review other stretches."
        )
    rows = {label: _rows_of(label, sources.get(label, ())) for label in labels}
    carried = tuple(label for label in labels if label not in in_data)
    return TypePlan(labels, rows, carried, _notes(rows, carried, sources))


def _rows_of(label: str, sources: Sequence[str]) -> tuple[str, ...]:
    """A type of the base keeps its own row, whatever becomes part of it."""
    return (label,) if label in sources else tuple(sources)


def _notes(
    rows: Mapping[str, tuple[str, ...]],
    carried: Sequence[str],
    sources: Mapping[str, Sequence[str]],
) -> tuple[str, ...]:
    notes = []
    for label in rows:
        merged = [name for name in sources.get(label, ()) if name != label]
        if merged and rows[label] == (label,):
            notes.append(f"{label} starts from its own row; {_and(merged)} joins it")
        elif merged:
            notes.append(f"{label} starts from the mean of {_and(merged)}")
    if carried:
        notes.append(
            f"no training event is of {_and(carried)}: kept from the base, not taught, "
            "and not measured; leave it out if it is not wanted"
        )
    return tuple(notes)


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
