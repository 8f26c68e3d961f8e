"""Who may come in: who has a key; without one this machine's own pages alone, if none
is asked for. Checked before anything of a request's body is read.
"""

import base64
import hashlib
import hmac
from typing import Protocol
from urllib.parse import unquote, urlsplit

from fastapi import Request
from fastapi.security import HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from app.core.errors import (
    CrossSiteRefused,
    HostRefused,
    NotAuthenticated,
    ScopeMissing,
)
from app.core.http.proxied_users import proxied_user
from app.core.principal import DEFAULT_KEY, LOCAL, KeyScope, Principal
from app.core.settings import Settings, is_loopback

KEY_COOKIE = "touchline_key"
SESSION_COOKIE = "touchline_session"
CSRF_HEADER = "x-csrf-token"
KEY_PREFIX = "touchline_"
OWN_SITES = ("same-origin", "none")  # of Sec-Fetch-Site; none: typed by the user
READING = ("GET", "HEAD", "OPTIONS")
DEFAULT_PORTS = {"http": 80, "https": 443}

# Says in the OpenAPI document that a key is needed; `find_principal` looks at it.
bearer = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    description="A key of `touchline keys create`, or that of TOUCHLINE_API_KEY; on "
    "this machine needed only where one is set or TOUCHLINE_REQUIRE_KEY is.",
)


class KeyRing(Protocol):
    """Knows the keys that were handed out, and the browsers that signed in."""

    async def principal_of_key(self, text: str) -> Principal:
        """Tell whose key this is, or raise NotAuthenticated."""

    async def principal_of_user(self, name: str) -> Principal:
        """Tell whose key is named like somebody who signed in, or raise
        NotAuthenticated.
        """

    async def principal_of_session(
        self, token: str, *, csrf_token: str | None, is_change: bool
    ) -> tuple[Principal, str]:
        """Tell who signed in, and the session's CSRF token.

        Raises:
            NotAuthenticated: the session has ended.
            CrossSiteRefused: a change lacks the token.
        """


async def find_principal(
    request: Request,
    settings: Settings,
    ring: KeyRing,
    *,
    accepts_cookie: bool = False,
    accepts_basic: bool = False,
) -> Principal:
    """Let nobody in without a key where one is asked for; tell who came in.

    Without one the service listens on loopback alone; pages of other sites, which a
    browser on this machine may have open, must not change anything through it, nor
    read anything by binding their own name to this machine's address.

    Args:
        accepts_cookie: take the key from a cookie as well, for what a `<video>` element
            loads: it sends no header of ours.
        accepts_basic: take the password of Basic credentials as the key, for programs
            that know of no other way.

    Raises:
        NotAuthenticated: the key is missing, wrong, revoked or expired.
        HostRefused: the request was sent to a name that is not this machine's.
        CrossSiteRefused: a page of another site sent this.
    """
    is_asked = settings.api_key is not None or settings.require_key
    sent = _sent_key(request, accepts_cookie=accepts_cookie)
    if sent is None and accepts_basic:
        sent = _password(request)
        if sent is not None:
            check_site(request, settings)  # Browsers send a password by themselves.
    if sent is not None and (is_asked or sent.startswith(KEY_PREFIX)):
        return await principal_of_key(sent, settings, ring)
    user = proxied_user(request, settings)
    if user is not None:
        check_site(
            request, settings
        )  # Browsers bring the proxy's cookie by themselves.
        return await ring.principal_of_user(user)
    token = request.cookies.get(SESSION_COOKIE)
    if token and is_asked:
        check_site(request, settings)
        principal, request.state.csrf_token = await ring.principal_of_session(
            token,
            csrf_token=request.headers.get(CSRF_HEADER),
            is_change=request.method not in READING,
        )
        return principal
    if is_asked:
        raise NotAuthenticated(
            "This service asks for a key: send the header Authorization: Bearer KEY."
        )
    _check_host(request, settings)
    check_site(request, settings)
    return LOCAL


async def principal_of_key(sent: str, settings: Settings, ring: KeyRing) -> Principal:
    """Tell whose key was sent.

    Raises:
        NotAuthenticated: it is no key of this service, has been revoked or has expired.
    """
    if _is_own(sent, settings):
        return DEFAULT_KEY
    if not sent.startswith(KEY_PREFIX):
        raise NotAuthenticated("The key is not one of this service.")
    return await ring.principal_of_key(sent)


def require_scope(principal: Principal, scope: KeyScope) -> None:
    """Refuse what the key does not cover.

    Raises:
        ScopeMissing: so it is.
    """
    if not principal.may(scope):
        has = ", ".join(sorted(principal.scopes))
        raise ScopeMissing(
            f"This takes a key with the scope {scope!r}; the key "
            f"{principal.name!r} has {has}.",
            scope=scope,
        )


def _sent_key(request: Request, *, accepts_cookie: bool) -> str | None:
    scheme, key = get_authorization_scheme_param(request.headers.get("authorization"))
    if scheme.lower() == "bearer" and key:
        return key
    in_cookie = request.cookies.get(KEY_COOKIE) if accepts_cookie else None
    return unquote(in_cookie) if in_cookie else None


def _password(request: Request) -> str | None:
    """Read the password of Basic credentials (RFC 7617)."""
    scheme, text = get_authorization_scheme_param(request.headers.get("authorization"))
    if scheme.lower() != "basic":
        return None
    try:
        said = base64.b64decode(text, validate=True).decode()
    except ValueError:
        return None
    return said.partition(":")[2] or None


def _is_own(sent: str, settings: Settings) -> bool:
    """Whether this is TOUCHLINE_API_KEY."""
    if settings.api_key is None:
        return False
    # Digests have one length, so that the comparison's time tells nothing.
    wanted = hashlib.sha256(settings.api_key.get_secret_value().encode()).digest()
    return hmac.compare_digest(hashlib.sha256(sent.encode()).digest(), wanted)


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


def check_site(request: Request, settings: Settings) -> None:
    """Refuse what a page of another origin sends, but for those that are named.

    Programs send neither header.

    Another port of localhost is another origin. Reads are refused as well: a browser
    hides their answers from the page, but not those of `<video>` and the like. A user
    who follows a link from elsewhere may read.

    Source: the resource isolation policy of web.dev/articles/fetch-metadata.
    """
    headers = request.headers
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if origin is not None and origin in settings.cors_origins:
        is_own = True
    elif site is not None:
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
