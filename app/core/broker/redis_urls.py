"""Where the Redis of the broker is: one server, with TLS or not, or Sentinels.

    redis://user:password@host:6379/0       rediss://... the same over TLS
    sentinel://user:password@host1:26379,host2:26379/NAME/0
    sentinels://...                         all of it over TLS

NAME is the primary's, as the Sentinels call it. Other URLs are left as they are.
"""

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

SENTINEL_PORT = 26379
SENTINEL_SCHEMES = frozenset({"sentinel", "sentinels"})
TLS_SCHEMES = frozenset({"rediss", "sentinels"})
FORM = "sentinel://user:password@host1:26379,host2:26379/NAME-OF-THE-PRIMARY/0"


@dataclass(frozen=True, slots=True)
class SentinelUrl:
    """What a `sentinel://` URL says.

    Attributes:
        hosts: of the Sentinels, each with its port.
        primary: the name under which they watch the primary.
        user, password: of Redis, not of the Sentinels.
    """

    hosts: tuple[tuple[str, int], ...]
    primary: str
    database: int
    user: str | None
    password: str | None

    @classmethod
    def parse(cls, text: str) -> "SentinelUrl":
        """Read one.

        Raises:
            ValueError: it is malformed; the message shows the form.
        """
        parts = urlsplit(text)
        before, _, hosts = parts.netloc.rpartition("@")
        user, _, password = before.partition(":")
        primary, _, database = parts.path.strip("/").partition("/")
        if not primary or not (database or "0").isdecimal():
            raise ValueError(f"this URL names no primary: write it like {FORM}")
        return cls(
            tuple(_host(one) for one in hosts.split(",")),
            unquote(primary),
            int(database or 0),
            unquote(user) or None,
            unquote(password) or None,
        )


def _host(text: str) -> tuple[str, int]:
    host, _, port = text.strip().rpartition(":")
    if not host or text.strip().endswith("]"):
        host, port = text.strip(), str(SENTINEL_PORT)
    if not host or not port.isdecimal():
        raise ValueError(f"{text!r} is no host of a Sentinel: write it like {FORM}")
    return host, int(port)


def is_sentinel(url: str) -> bool:
    """Whether a URL names Sentinels."""
    return urlsplit(url).scheme in SENTINEL_SCHEMES


def is_tls(url: str) -> bool:
    """Whether a URL asks for TLS."""
    return urlsplit(url).scheme in TLS_SCHEMES


def with_password(url: str, password: str) -> str:
    """Put a password into a URL that has none."""
    parts = urlsplit(url)
    before, _, hosts = parts.netloc.rpartition("@")
    if ":" in before:
        return url
    netloc = f"{before}:{quote(password, safe='')}@{hosts}"
    return parts._replace(netloc=netloc).geturl()
