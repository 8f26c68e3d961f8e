"""Addresses that requests bring: checked in time, and in threads of their own."""

import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from app.core.errors import CallbackRefused
from app.core.resources import Resources
from app.webhooks.addresses import Address
from app.webhooks.callbacks import (
    CallbackUrl,
    check_callback,
    parse_callback_url,
    resolve,
)

RESOLVE_S = 20.0  # a request waits so long for its host to be looked up


async def check_address(
    url: str, resources: Resources, *, name: str = "callback_url"
) -> None:
    """Make sure that messages may be sent to a URL, as far as can be told now.

    Args:
        name: what messages call the URL.

    Raises:
        CallbackRefused: says which rule the URL breaks, or that its host was not
            looked up in time.
    """
    parsed = parse_callback_url(url, name=name)
    try:
        addresses = await _addresses(parsed, resources)
    except TimeoutError as exc:
        raise CallbackRefused(
            f"The host of {name} could not be looked up in time; nothing was kept. Try "
            "again later."
        ) from exc
    check_callback(parsed, addresses, resources.settings.webhook_allow_nets)


async def _addresses(url: CallbackUrl, resources: Resources) -> Sequence[Address]:
    """Give every address of a host; one that is an address needs no thread."""
    with suppress(ValueError):
        return [ipaddress.ip_address(url.host)]
    look = partial(resolve, url.host, url.port, name=url.name)
    key = (url.host, url.port, url.name)
    found: Sequence[Address]
    found = await resources.lookups.call(key, look, within_s=RESOLVE_S)
    return found
