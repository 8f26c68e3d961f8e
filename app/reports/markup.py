"""HTML and SVG as text: whatever is put into an element is escaped."""

from collections.abc import Iterable
from html import escape

VOID = frozenset({"meta", "img", "br"})


class Html(str):
    """Markup of our own making; any other text is escaped where it is put in."""

    __slots__ = ()


def element(name: str, /, *children: object, **attributes: object) -> Html:
    """Write an element.

    Args:
        name: of the element.
        children: `Html`, texts and numbers, or lists of them; None is nothing.
        attributes: `_` stands for `-`, one at the end is dropped (`class_`); None and
            False leave an attribute out.
    """
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Html(f"<{name}{words}>")
    return Html(f"<{name}{words}>{join(children)}</{name}>")


def join(children: Iterable[object]) -> Html:
    """Write children one after the other."""
    return Html("".join(_written(child) for child in children))


def _written(child: object) -> str:
    if child is None:
        return ""
    if isinstance(child, Html):
        return child
    if isinstance(child, (list, tuple)):
        return join(child)
    return escape(str(child), quote=False)
