"""People whom a proxy in front has signed in: it names them in a header of its own.

Off unless the operator names the header and gives the proxy a secret. Without that
secret the header is anybody's, and nothing is believed of it.
"""

import hashlib
import hmac

from fastapi import Request

from app.core.errors import NotAuthenticated
from app.core.settings import Settings

PROOF_HEADER = "touchline-proxy-secret"
MAX_NAME_CHARS = 200


def proxied_user(request: Request, settings: Settings) -> str | None:
    """Tell whom the proxy has signed in; None: this did not come through it.

    Raises:
        NotAuthenticated: it came through the proxy, which names nobody, or several.
    """
    header, secret = settings.proxy_user_header, settings.proxy_secret
    if header is None or secret is None:
        return None
    sent = request.headers.getlist(PROOF_HEADER)
    if len(sent) != 1 or not _equal(sent[0], secret.get_secret_value()):
        return None
    names = request.headers.getlist(header)
    name = names[0].strip() if len(names) == 1 else ""
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise NotAuthenticated(
            f"The proxy names nobody who signed in: it must send {header} once, with "
            "the name of a key."
        )
    return name


def _equal(sent: str, wanted: str) -> bool:
    # Digests have one length, so that the comparison's time tells nothing.
    digests = [hashlib.sha256(text.encode()).digest() for text in (sent, wanted)]
    return hmac.compare_digest(*digests)
