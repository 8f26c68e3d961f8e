"""Who may come in: the key where one is set, else this machine's own pages alone.

Checked before anything of a request's body is read.
"""

import hashlib
import hmac
from urllib.parse import unquote, urlsplit

from fastapi import Request
from fastapi.security import HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from app.core.errors import CrossSiteRefused, HostRefused, NotAuthenticated
from app.core.principal import DEFAULT_KEY, LOCAL, Principal
from app.core.settings import Settings, is_loopback

KEY_COOKIE = "touchline_key"
OWN_SITES = ("same-origin", "none")  # of Sec-Fetch-Site; none: typed by the user
READING = ("GET", "HEAD", "OPTIONS")
DEFAULT_PORTS = {"http": 80, "https": 443}

# Says in the OpenAPI document that a key is needed; `check_access` looks at it.
bearer = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    description="The key of TOUCHLINE_API_KEY; needed only where one is set.",
)


def check_access(
    request: Request, settings: Settings, *, accepts_cookie: bool = False
) -> Principal:
    """Let nobody in without the key, if there is one; tell who came in.

    Without one the service listens on loopback alone; pages of other sites, which a
    browser on this machine may have open, must not change anything through it, nor
    read anything by binding their own name to this machine's address.

    Args:
        accepts_cookie: take the key from a cookie as well, for what a `<video>` element
            loads: it sends no header of ours.

    Raises:
        NotAuthenticated: the key is missing or wrong.
        HostRefused: the request was sent to a name that is not this machine's.
        CrossSiteRefused: a page of another site sent this.
    """
    if settings.api_key is not None:
        _check_key(_sent_key(request, accepts_cookie=accepts_cookie), settings)
        return DEFAULT_KEY
    _check_host(request, settings)
    _check_site(request, settings)
    return LOCAL


def _sent_key(request: Request, *, accepts_cookie: bool) -> str | None:
    scheme, key = get_authorization_scheme_param(request.headers.get("authorization"))
    if scheme.lower() == "bearer" and key:
        return key
    in_cookie = request.cookies.get(KEY_COOKIE) if accepts_cookie else None
    return unquote(in_cookie) if in_cookie else None


def _check_key(sent: str | None, settings: Settings) -> None:
    if settings.api_key is None:
        return
    if sent is None:
        raise NotAuthenticated(
            "This service asks for a key: send the header Authorization: Bearer KEY."
        )
    # Digests have one length, so that the comparison's time tells nothing.
    wanted = hashlib.sha256(settings.api_key.get_secret_value().encode()).digest()
    if not hmac.compare_digest(hashlib.sha256(sent.encode()).digest(), wanted):
        raise NotAuthenticated("The key is not the one of this service.")


def _check_host(request: Request, settings: Settings) -> None:
    """Take only names that nobody else can bind to this machine (DNS rebinding)."""
    sent = request.headers.get("host", "")
    named = _hostname(f"//{sent}")
    public = _hostname(settings.public_url or "")
    if named is None or not (is_loopback(named) or named == public):
        raise HostRefused(
            f"This service has no key and answers to localhost alone, not to "
            f"{sent[:64]!r}: call it as {settings.local_url}, or set TOUCHLINE_API_KEY."
        )


def _check_site(request: Request, settings: Settings) -> None:
    """Refuse what a page of another origin sends; programs send neither header.

    Another port of localhost is another origin. Reads are refused as well: a browser
    hides their answers from the page, but not those of `<video>` and the like. A user
    who follows a link from elsewhere may read.

    Source: the resource isolation policy of web.dev/articles/fetch-metadata.
    """
    headers = request.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        is_own = site in OWN_SITES or _follows_a_link(request)
    elif origin is not None:
        own = f"{request.url.scheme}://{headers.get('host', '')}"
        is_own = _origin(origin) in {_origin(own), _origin(settings.public_url)} - {
            None
        }
    else:
        is_own = True
    if not is_own:
        raise CrossSiteRefused(
            "A page of another site sent this; this service has no key and takes "
            "requests of its own pages and of programs alone. Set TOUCHLINE_API_KEY "
            "to call it from other sites."
        )


def _follows_a_link(request: Request) -> bool:
    return (
        request.method in READING
        and request.headers.get("sec-fetch-mode") == "navigate"
        and request.headers.get("sec-fetch-dest") == "document"
    )


def _origin(url: str | None) -> tuple[str, str, int | None] | None:
    """Read scheme, host and port, with the port that the scheme implies; None: none."""
    try:
        parts = urlsplit(url or "")
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.scheme or parts.hostname is None:  # `null` is an origin of nobody
        return None
    return parts.scheme, parts.hostname, port


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
