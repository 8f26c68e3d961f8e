"""Sportscode's XML of instances, which Nacsport, Metrica and others read as well.

An instance has a start and an end in seconds; our event lies in it, `lead_s` after its
start. Sportscode's reader knows no entities, so names have no `&`, `<` or `>`.
Source: Hudl's help pages on XML import; kloppy's reader (MIT).
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

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
)
from model.data.formats.provenance import Provenance, read_line
from model.data.formats.text import decode_text
from model.data.formats.xml_data import parse_xml, plain_text, safe_names, text_in
from model.errors import BadAnnotations

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LEAD, TEAM, SCORE = "Lead", "Team", "Score"
PROVENANCE = "touchline-provenance"  # the first word of the comment that tells it
_BEFORE_TOLD, _AFTER_TOLD = f"<!-- {PROVENANCE} ", " -->"
FULL = 65535
# Okabe and Ito's colours, which colour-blind people tell apart.
COLOURS = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
    (120, 120, 120),
)


def to_sportscode(events: Sequence[EventFacts], video: ExportedVideo) -> str:
    """Write instances from `lead_s` before an event to `lag_s` after it.

    What is left of the lead at the start of the video stands in the label "Lead", so
    that the event is found again however an instance is moved.

    Raises:
        CannotWrite: two types have one name without `&`, `<` and `>`.
    """
    names = safe_names(event.label for event in events)
    root = ElementTree.Element("file")
    if video.provenance is not None:
        told = f" {PROVENANCE} {video.provenance.to_line()} "
        root.append(ElementTree.Comment(told))
    sort = ElementTree.SubElement(root, "SORT_INFO")
    ElementTree.SubElement(sort, "sort_type").text = "sort order"
    instances = ElementTree.SubElement(root, "ALL_INSTANCES")
    for number, event in enumerate(events, start=1):
        _add_instance(instances, number, event, names[event.label], video)
    rows = ElementTree.SubElement(root, "ROWS")
    for number, name in enumerate(dict.fromkeys(names.values()), start=1):
        row = ElementTree.SubElement(rows, "row")
        ElementTree.SubElement(row, "sort_order").text = str(number)
        ElementTree.SubElement(row, "code").text = name
        colour = COLOURS[(number - 1) % len(COLOURS)]
        for channel, value in zip("RGB", colour, strict=True):
            ElementTree.SubElement(row, channel).text = str(value * FULL // 255)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def read_sportscode(data: bytes, options: ReadOptions) -> ReadFile:
    """Read the instances of a file.

    Raises:
        BadAnnotations: not of that form, or with a DOCTYPE or entities.
        NeedsOption: nothing says where in an instance its event is.
    """
    root = parse_xml(data)
    instances = root.find("ALL_INSTANCES")
    if root.tag != "file" or instances is None:
        raise BadAnnotations("has no <file> with <ALL_INSTANCES>: not Sportscode's XML")
    file, events = ReadFile(), []
    for number, instance in enumerate(instances.findall("instance"), start=1):
        where = f"instance {text_in(instance, 'ID') or number}"
        try:
            events.append(_read_instance(where, instance, options))
        except NeedsOption:
            raise
        except ValueError as exc:
            file.problems.append(Problem(where, str(exc)))
    file.videos.append(ReadVideo(tuple(events), provenance=_provenance_in(data)))
    return file


def _provenance_in(data: bytes) -> Provenance | None:
    """Find the comment in the text: parsers leave comments out."""
    _, is_there, rest = decode_text(data)[0].partition(_BEFORE_TOLD)
    line, is_whole, _ = rest.partition(_AFTER_TOLD)
    return read_line(line) if is_there and is_whole else None


def _add_instance(
    parent: "Element", number: int, event: EventFacts, name: str, video: ExportedVideo
) -> None:
    at_ms = position_ms(event, video.grid_fps)
    start_ms = max(0, at_ms - round(video.lead_s * 1000))
    end_ms = at_ms + max(1, round(video.lag_s * 1000))
    if video.duration_s is not None:
        end_ms = max(at_ms + 1, min(end_ms, round(video.duration_s * 1000)))
    instance = ElementTree.SubElement(parent, "instance")
    for tag, value in (
        ("ID", str(number)),
        ("start", f"{start_ms / 1000:.3f}"),
        ("end", f"{end_ms / 1000:.3f}"),
        ("code", name),
    ):
        ElementTree.SubElement(instance, tag).text = value
    labels = {LEAD: f"{(at_ms - start_ms) / 1000:.3f}"}
    if event.team is not None:
        labels[TEAM] = event.team
    if event.score is not None:
        labels[SCORE] = f"{event.score:.4f}"
    for name, text in sorted(event.attributes.items()):
        labels[f"{name} (2)" if name in (LEAD, TEAM, SCORE) else name] = text
    for group, text in labels.items():
        label = ElementTree.SubElement(instance, "label")
        ElementTree.SubElement(label, "group").text = plain_text(group)
        ElementTree.SubElement(label, "text").text = plain_text(text)


def _read_instance(where: str, instance: "Element", options: ReadOptions) -> ReadEvent:
    start_s = _seconds(instance, "start")
    end_s = _seconds(instance, "end")
    if end_s < start_s:
        raise ValueError(f"ends at {end_s:g} s, before it starts at {start_s:g} s")
    labels = _labels(instance)
    lead = labels.pop(LEAD, None)
    lead_s = options.lead_s if lead is None else _number(lead, LEAD)
    if lead_s is None:
        raise NeedsOption(
            "lead_s",
            "instances have a length: say how many seconds after its start the event "
            "is (0: at the start)",
        )
    score = labels.pop(SCORE, None)
    return ReadEvent(
        where,
        text_in(instance, "code"),
        round(start_s + lead_s, 6),
        score=None if score is None else _number(score, SCORE),
        team=labels.pop(TEAM, None),
        attributes=labels,
    )


def _labels(instance: "Element") -> dict[str, str]:
    """Give texts by group; several of a group are joined, those of none are `label`."""
    found: dict[str, str] = {}
    for label in instance.findall("label"):
        group, text = text_in(label, "group") or "label", text_in(label, "text")
        found[group] = f"{found[group]}; {text}" if group in found else text
    return {group: text for group, text in found.items() if text}


def _seconds(instance: "Element", tag: str) -> float:
    return _number(text_in(instance, tag), tag)


def _number(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} is not a number: {text!r}")
    return number


def _is_like(sample: Sample) -> bool:
    return "<ALL_INSTANCES" in sample.text[:100_000] and "<file" in sample.text[:5000]


SPORTSCODE = EventFormat(
    name="sportscode",
    title="Sportscode's XML",
    suffix="xml",
    media_type="application/xml",
    is_like=_is_like,
    holds=Holds(
        "all",
        score=True,
        team=True,
        attributes=True,
        provenance="all",
        loses="& < > in names (written as + ( )); scores beyond 4 places",
    ),
    read=read_sportscode,
    write=to_sportscode,
)
