"""Live coding into Sportscode: a folder that it watches, appended as it imports.

Sportscode reads each file `__import__NAME.xml` once, and again when it has grown; it
takes instances that it has not seen. So instances are only added, and none is changed:
a file is written anew as a whole, with the earlier ones as they were, and put in place
at once. Source: Hudl's help pages on importing XML into a live timeline.
"""

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from model.data.formats.events import EventFacts, ExportedVideo
from model.data.formats.sportscode import to_sportscode
from model.data.formats.xml_data import parse_xml
from model.errors import BadAnnotations

PREFIX, SUFFIX = "__import__", ".xml"
_FORBIDDEN = '/\\:*?"<>|'
_MAX_NAME, _MAX_NAME_BYTES = 100, 190  # a file system takes 255 with what is added


def import_path(folder: Path, name: str) -> Path:
    """Name the file of a stream; characters that no file system takes become `_`."""
    safe = "".join("_" if one in _FORBIDDEN or one < " " else one for one in name)
    short = safe.strip(" .")[:_MAX_NAME].encode(errors="replace")[:_MAX_NAME_BYTES]
    # Half a character at its end goes.
    return folder / f"{PREFIX}{short.decode(errors='ignore') or 'live'}{SUFFIX}"


def append_instances(
    path: Path, events: Sequence[EventFacts], video: ExportedVideo
) -> int:
    """Add events behind the instances that a file has; it is made if it is not there.

    Args:
        path: see `import_path`.
        events: in the order in which they are to stand; none that was added before.
        video: name, lead and lag of the instances.

    Returns:
        How many instances the file holds now.

    Raises:
        BadAnnotations: the file is none of Sportscode's XML.
        OSError: it cannot be written.
    """
    added = ElementTree.fromstring(to_sportscode(events, video).encode())  # noqa: S314  # our own words
    root = added
    if path.exists():
        root = parse_xml(path.read_bytes())
        _append(root, added)
    instances = root.find("ALL_INSTANCES")
    count = 0 if instances is None else len(instances)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    # Not in its own folder's name pattern: Sportscode must not take half a file.
    scratch = path.with_name(f".{path.name}.part")
    scratch.write_text(
        f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n', encoding="utf-8"
    )
    scratch.replace(path)
    return count


def count_instances(path: Path) -> int:
    """Count the instances of a file; 0 if it is not there.

    Raises:
        BadAnnotations: the file is none of Sportscode's XML.
        OSError: it cannot be read.
    """
    if not path.exists():
        return 0
    instances = parse_xml(path.read_bytes()).find("ALL_INSTANCES")
    return 0 if instances is None else len(instances)


def _append(root: ElementTree.Element, added: ElementTree.Element) -> None:
    """Add instances and rows to those there are; none of these is touched."""
    known, new = root.find("ALL_INSTANCES"), added.find("ALL_INSTANCES")
    rows, new_rows = root.find("ROWS"), added.find("ROWS")
    if known is None or new is None or rows is None or new_rows is None:
        raise BadAnnotations("has no <ALL_INSTANCES> and <ROWS>: not Sportscode's XML")
    last = max((_number(one, "ID") for one in known), default=0)
    for number, instance in enumerate(new, start=last + 1):
        _set(instance, "ID", str(number))
        known.append(instance)
    codes = {row.findtext("code") for row in rows}
    order = max((_number(one, "sort_order") for one in rows), default=0)
    for row in new_rows:
        if row.findtext("code") not in codes:
            order += 1
            _set(row, "sort_order", str(order))
            rows.append(row)


def _number(element: ElementTree.Element, tag: str) -> int:
    text = element.findtext(tag) or ""
    return int(text) if text.isdecimal() else 0


def _set(element: ElementTree.Element, tag: str, text: str) -> None:
    found = element.find(tag)
    if found is not None:
        found.text = text
