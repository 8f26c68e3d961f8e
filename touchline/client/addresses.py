"""Where a service is, and who asks: checked before anything is sent."""

from urllib.parse import SplitResult, urlsplit


def parts_of(url: str) -> SplitResult:
    """Take an address apart.

    Raises:
        ValueError: it is none of HTTP.
    """
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_one = is_one and (parts.port is None or parts.port > 0) and url.isprintable()
    except ValueError:
        is_one = False
    if not is_one:
        raise ValueError(
            f"{url!r:.100} is no address of a service; try http://localhost:8000"
        )
    return parts


def authorization_of(key: str | None) -> dict[str, str]:
    """Give the header with a key, which may have the end of a line after it.

    Raises:
        ValueError: it cannot be sent; the message does not show it.
    """
    key = (key or "").strip()
    if not all(" " <= character <= "~" for character in key):
        raise ValueError(
            "the key has a line break or a letter that HTTP cannot send: give it as "
            "`touchline keys create` printed it"
        )
    return {"authorization": f"Bearer {key}"} if key else {}


def plain_address(url: str) -> str:
    """Leave out what was asked: in the address of a bucket that is a signature."""
    return urlsplit(url)._replace(query="", fragment="").geturl()
