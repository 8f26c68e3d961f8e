"""Which messages a webhook gets, and with which secrets they are signed."""

from uuid import UUID

import pytest

from app.core.errors import InvalidRequest
from app.webhooks.message_types import FILTERS, TYPES, check_filters, fits
from app.webhooks.secrets import (
    ServiceSecretChanged,
    SigningKey,
    derive_secret,
    fingerprint_of,
    new_salt,
)
from app.webhooks.signing import secret_key

SERVICE = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + "A" * 43 + "="
ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (["*"], set(TYPES)),
        (["clip.*"], {"clip.completed", "clip.failed", "clip.canceled"}),
        (["video.failed", "review.*"], {"video.failed", "review.completed"}),
    ],
)
def test_filters_choose_by_type_or_by_group(
    filters: list[str], wanted: set[str]
) -> None:
    assert {one for one in TYPES if fits(one, filters)} == wanted


def test_every_filter_is_taken_once_and_chooses_something() -> None:
    assert check_filters([*FILTERS, *FILTERS]) == list(FILTERS)
    assert all(any(fits(kind, [one]) for kind in TYPES) for one in FILTERS)


@pytest.mark.parametrize("wrong", ["", "video", "video.", "vid*", "VIDEO.*", "ping"])
def test_a_filter_that_fits_nothing_is_refused_by_name(wrong: str) -> None:
    with pytest.raises(InvalidRequest, match="fits no message"):
        check_filters(["*", wrong])


def test_each_webhook_and_salt_has_a_secret_of_its_own_that_comes_back() -> None:
    salts = [new_salt() for _ in range(2)]
    places = [(webhook, salt) for webhook in (ONE, TWO) for salt in salts]

    made = [derive_secret(SERVICE, *place) for place in places]

    assert len({*made, SERVICE}) == 5
    assert made == [derive_secret(SERVICE, *place) for place in places]
    assert all(len(secret_key(one)) == 32 for one in made)
    assert derive_secret(OTHER, *places[0]) != made[0]


def test_a_secret_made_from_another_service_secret_is_not_used() -> None:
    salt, before = new_salt(), new_salt()
    secret = derive_secret(SERVICE, ONE, salt)
    key = SigningKey(ONE, salt, fingerprint_of(secret), before)

    assert key.secrets(SERVICE) == (secret, derive_secret(SERVICE, ONE, before))
    with pytest.raises(ServiceSecretChanged, match="rotate"):
        key.secrets(OTHER)
