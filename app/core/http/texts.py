"""Texts that clients send, as the database can keep them."""


def storable_text(text: str) -> str:
    """Refuse what Postgres cannot keep: NUL, and half of a surrogate pair.

    Raises:
        ValueError: says which.
    """
    if "\x00" in text:
        raise ValueError("must not hold the character NUL")
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise ValueError("must be whole Unicode characters") from exc
    return text
