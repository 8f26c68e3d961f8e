"""XML of other people: without entities and DOCTYPE, read and written."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from model.errors import BadAnnotations, CannotWrite

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_PLAIN = str.maketrans({"&": "+", "<": "(", ">": ")"})
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse_xml(data: bytes) -> "Element":
    """Read XML.

    Raises:
        BadAnnotations: it is none, or has a DOCTYPE or entities, by which a file
            could read others or take all memory.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as exc:
        raise BadAnnotations(
            "has a DOCTYPE or entities, which are not read: remove them"
        ) from exc
    except (ParseError, ValueError, LookupError) as exc:
        raise BadAnnotations(f"cannot be read as XML: {exc}") from exc
    return root


def text_in(element: "Element", tag: str) -> str:
    """Give the text of a child, without space about it; empty if there is none."""
    return (element.findtext(tag) or "").strip()


def plain_text(text: str) -> str:
    """Give a text that needs no entity: `&`, `<` and `>` become `+`, `(` and `)`."""
    return xml_text(text).translate(_PLAIN)


def xml_text(text: str) -> str:
    """Leave out the characters that XML cannot hold."""
    return _NOT_XML.sub("", text)


def safe_names(labels: Iterable[str]) -> dict[str, str]:
    """Give each label its name in plain text.

    Raises:
        CannotWrite: two labels would have one name.
    """
    names: dict[str, str] = {}
    for label in labels:
        name = plain_text(label)
        other = next((k for k, v in names.items() if v == name and k != label), None)
        if other is not None:
            raise CannotWrite(
                f"{label!r} and {other!r} would both be called {name!r}, for names "
                "have no &, < or > there: rename one"
            )
        names[label] = name
    return names
