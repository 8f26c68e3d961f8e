"""Which types an event of a video can have."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from app.core.errors import UnknownType
from app.core.storage.interface import Storage
from app.event_types.queries import type_names
from app.timelines.problems import NoTimeline, ScoresNotFound
from app.timelines.spotting_options import labels_of
from app.timelines.tables import Analysis


def check_label(
    session: Session,
    label: str,
    analysis: Analysis | None,
    storage: Storage,
    *,
    in_use: Iterable[str],
) -> None:
    """Refuse a type that this video cannot have.

    It can have those of the model that ran, those that the project has defined, and
    those that people used in it.

    Raises:
        UnknownType: it is none of them; names them.
    """
    used = set(in_use)
    if label in used or (analysis is not None and label in analysis.event_counts):
        return
    defined = session.scalars(type_names()).all()
    if label in defined:
        return
    known = known_labels(session, analysis, storage, in_use=used)
    if label in known:
        return
    told = (
        f"the types of this video are {', '.join(known)}"
        if known
        else "this video has no types yet: define some with PUT /types"
    )
    raise UnknownType(f"There is no type {label!r}; {told}.", types=known)


def known_labels(
    session: Session,
    analysis: Analysis | None,
    storage: Storage,
    *,
    in_use: Iterable[str],
) -> list[str]:
    """List the types that a video can have; see `check_label`."""
    of_model = _labels_of(analysis, storage)
    found = () if analysis is None else tuple(analysis.event_counts)
    defined = session.scalars(type_names()).all()
    return list(dict.fromkeys((*of_model, *found, *defined, *sorted(set(in_use)))))


def _labels_of(analysis: Analysis | None, storage: Storage) -> list[str]:
    if analysis is None:
        return []
    try:
        return list(labels_of(analysis, storage))
    except (NoTimeline, ScoresNotFound):
        return list(analysis.event_counts)
