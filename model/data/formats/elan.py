"""ELAN's annotation files (.eaf), by pympi-ling.

A tier for each type, an annotation for each event, whose value is the type as well.
"""

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from model.data.formats.base import EventFormat, Holds, ReadOptions, Sample
from model.data.formats.clock import position_ms
from model.data.formats.events import (
    EventFacts,
    ExportedVideo,
    NeedsOption,
    Problem,
    ReadEvent,
    ReadFile,
    ReadVideo,
    by_time,
)
from model.data.formats.moments import MOST_MS
from model.data.formats.provenance import Provenance, read_line
from model.data.formats.xml_data import parse_xml, xml_text
from model.errors import BadAnnotations, CannotWrite

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LONGEST_MS = 40
PROVENANCE = "touchline-provenance"  # a property of the header


def to_elan(events: Sequence[EventFacts], video: ExportedVideo) -> str:
    """Write a tier for each type; annotations last 40 ms, or to the next of the tier.

    Raises:
        CannotWrite: two events of a type are at one millisecond.
    """
    from pympi import Elan

    eaf = Elan.Eaf(author="Touchline")
    eaf.remove_tier("default")
    eaf.add_linked_file(xml_text(video.name), mimetype="video/mp4")
    if video.provenance is not None:
        eaf.add_property(PROVENANCE, video.provenance.to_line())
    tiers: dict[str, list[int]] = {}
    for event in by_time(events):
        at = position_ms(event, video.grid_fps)
        tiers.setdefault(xml_text(event.label), []).append(at)
    for label, starts in tiers.items():
        eaf.add_tier(label)
        for start, later in zip(starts, [*starts[1:], starts[-1] + 10**9], strict=True):
            if later <= start:
                raise CannotWrite(
                    f"two {label} are at {start / 1000:.3f} s: annotations of a tier "
                    "may not overlap"
                )
            eaf.add_annotation(label, start, min(start + LONGEST_MS, later), label)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Elan.to_string(eaf)}'


def read_elan(data: bytes, options: ReadOptions) -> ReadFile:
    """Read annotations: an event at the start of each.

    Raises:
        BadAnnotations: no such file, or one with a DOCTYPE or entities.
        NeedsOption: tiers and values differ, and nothing says which is the type.
    """
    root = parse_xml(data)  # pympi's own parser would follow entities.
    found = _annotations(data)
    label_from = options.label_from
    if label_from is None:
        if any(value not in ("", tier) for tier, _, _, value in found):
            raise NeedsOption(
                "label_from",
                "has values that are not the names of their tiers: say which of both "
                "is the type of an event",
                ("tier", "value"),
            )
        label_from = "tier"
    file, events = ReadFile(), []
    for tier, start, end, value in found:
        where = f"{tier} at {start} ms"
        if end > MOST_MS:
            file.problems.append(Problem(f"{tier:.80}", "is beyond any video's end"))
            continue
        if end < start:
            file.problems.append(Problem(where, "ends before it starts"))
            continue
        label, other = (tier, value) if label_from == "tier" else (value, tier)
        key = "value" if label_from == "tier" else "tier"
        attributes = {key: other} if other and other != label else {}
        events.append(ReadEvent(where, label, start / 1000, attributes=attributes))
    file.videos.append(ReadVideo(tuple(events), provenance=_provenance_of(root)))
    return file


def _provenance_of(root: "Element") -> Provenance | None:
    told = (
        read_line(one.text or "")
        for one in root.iterfind("HEADER/PROPERTY")
        if one.get("NAME") == PROVENANCE
    )
    return next(told, None)


def _annotations(data: bytes) -> list[tuple[str, int, int, str]]:
    """Read tiers, starts and ends in milliseconds, and values."""
    from pympi import Elan

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "annotations.eaf"
        path.write_bytes(data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # It warns of versions it reads well.
                eaf = Elan.Eaf(str(path))
            return [
                (str(tier), int(start), int(end), str(value or "").strip())
                for tier in eaf.get_tier_names()
                for start, end, value, *_ in eaf.get_annotation_data_for_tier(tier)
            ]
        except Exception as exc:  # it raises all kinds
            message = f"cannot be read as ELAN's file: {exc!r:.200}"
            raise BadAnnotations(message) from exc


def _is_like(sample: Sample) -> bool:
    return "<ANNOTATION_DOCUMENT" in sample.text[:5000]


ELAN = EventFormat(
    name="elan",
    title="ELAN's annotations",
    suffix="eaf",
    media_type="application/xml",
    is_like=_is_like,
    holds=Holds(
        "all",
        provenance="all",
        loses="scores; teams; what else is known; two events of a type at one "
        "millisecond",
    ),
    read=read_elan,
    write=to_elan,
    package="pympi",
)
