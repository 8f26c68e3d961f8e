"""Addresses of videos as they are shown."""

from urllib.parse import urlsplit

from app.core.storage.addresses import is_bucket_url


def shown_url(url: str) -> str:
    """Give an address without what may be a secret: query, fragment, user.

    In a bucket's nothing is one: `?` and `#` are signs of a key.
    """
    if is_bucket_url(url):
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=host, query="", fragment="").geturl()
