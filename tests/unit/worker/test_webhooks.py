"""Signatures that others verify, and URLs that are let through or not."""

import base64
import ipaddress
import json
import socket
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
import standardwebhooks
import svix.webhooks

from app.core.errors import CallbackRefused, StartFailed
from app.core.settings import Network, Settings
from app.webhooks.callbacks import (
    Callback,
    check_callback,
    parse_callback_url,
    resolve,
)
from app.webhooks.service import JobOutcome, message_body
from app.webhooks.signing import load_or_make_secret, sign, webhook_secret

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


def test_two_independent_libraries_verify_our_signature() -> None:
    now = datetime.now(UTC)  # they refuse what is minutes old
    body = message_body(
        JobOutcome(UUID(int=1), UUID(int=2), "succeeded", {"PASS": 3}),
        base_url="http://localhost:8000",
        now=now,
    )

    headers = sign(
        SECRET,
        message_id="msg_1",
        timestamp_s=int(now.timestamp()),
        body=body.encode(),
    )

    read = standardwebhooks.Webhook(SECRET).verify(body, dict(headers))
    svix.webhooks.Webhook(SECRET).verify(body, dict(headers))  # raises if it differs
    assert read == json.loads(body)


def test_a_changed_body_is_noticed() -> None:
    now_s = int(datetime.now(UTC).timestamp())
    headers = sign(SECRET, message_id="msg_1", timestamp_s=now_s, body=b'{"a":1}')

    with pytest.raises(standardwebhooks.webhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify('{"a":2}', dict(headers))


def test_the_body_has_the_shape_integrators_rely_on() -> None:
    error = {"code": "unreadable_video", "detail": "cut off", "retryable": False}
    body = message_body(
        JobOutcome(UUID(int=1), UUID(int=2), "failed", {}, error),
        base_url="http://h:1",
        now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )

    video = "00000000-0000-0000-0000-000000000001"
    job = "00000000-0000-0000-0000-000000000002"
    assert json.loads(body) == {
        "type": "video.failed",
        "timestamp": "2026-01-02T03:04:05Z",
        "data": {
            "video_id": video,
            "job_id": job,
            "status": "failed",
            "events": {},
            "links": {
                "video": f"http://h:1/videos/{video}",
                "events": f"http://h:1/videos/{video}/events",
                "timeline": f"http://h:1/videos/{video}/timeline",
                "job": f"http://h:1/jobs/{job}",
            },
            "error": error,
        },
    }


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://8.8.8.8/", "full URL"),
        ("hook", "full URL"),
        ("https:///path", "full URL"),
        ("file:///etc/passwd", "full URL"),
        ("http://8.8.8.8/", "https"),
        ("https://127.0.0.1/", "not a public address"),
        ("https://127.1/", "not a public address"),
        ("https://2130706433/", "not a public address"),
        ("https://0x7f000001/", "not a public address"),
        ("https://[::ffff:127.0.0.1]/", "not a public address"),
        ("https://[::1]:8443/", "not a public address"),
        ("https://169.254.169.254/latest/meta-data", "not a public address"),
        ("https://user:word@8.8.8.8/", "user name"),
        ("https://8.8.8.8/\r\nx: y", "control characters"),
        ("https://8.8.8.8:99999/", "not a URL"),
        ("https://" + "a" * 3000 + "/", "longer than"),
        ("https://nothing.invalid/", "does not resolve"),
        ("https://[::127.0.0.1]/", "not a public address"),
        ("https://[5f00::1]/", "not a public address"),
        ("https://[3fff::1]/", "not a public address"),
        ("https://[2002:7f00:1::]/", "not a public address"),
        ("https://[fe80::1%251]/", "callback_url"),
        ("https://[fe80::1%1]/", "not a public address"),
        ("https://0x7f.1/", "not a public address"),
        ("https://0177.0.0.1/", "not a URL"),
        ("https://017700000001/", "not a public address"),
        ("https://0/", "not a public address"),
        ("https://LOCALHOST/", "not a public address"),
        ("https://127\u30020\u30020\u30021/", "not a public address"),
        ("https://\uff11\uff12\uff17.0.0.1/", "not a URL"),
        ("https://127.0.0.1./", "callback_url"),
        ("https://localhost./", "callback_url"),
        ("https://%31%32%37.0.0.1/", "does not resolve"),
        ("https://good.example\\@127.0.0.1/", "user name"),
        ("https://ex..ample/", "does not resolve"),
        ("https://" + "a" * 70 + ".com/", "does not resolve"),
    ],
)
def test_a_url_that_breaks_a_rule_is_refused_with_the_reason(
    url: str, why: str
) -> None:
    with pytest.raises(CallbackRefused, match=why):
        check_callback_url(url)


def check_callback_url(url: str, allow_nets: Sequence[Network] = ()) -> Callback:
    """Read, look up and check, as requests and the sender do."""
    parsed = parse_callback_url(url)
    return check_callback(parsed, resolve(parsed.host, parsed.port), allow_nets)


def test_a_public_address_is_let_through_over_https() -> None:
    found = check_callback_url("https://8.8.8.8:8443/hook")

    assert found.addresses == (ipaddress.ip_address("8.8.8.8"),)


def test_an_allowed_network_is_let_through_over_plain_http_and_any_port() -> None:
    found = check_callback_url("http://127.0.0.1:9/hook", LOOPBACK)

    assert found.url == "http://127.0.0.1:9/hook"


def test_an_allowed_link_local_address_keeps_its_interface() -> None:
    number, name = socket.if_nameindex()[0]

    found = check_callback_url(
        f"http://[fe80::1%{name}]/hook", (ipaddress.ip_network("fe80::/10"),)
    )

    (address,) = found.addresses
    assert str(address) == f"fe80::1%{number}"


def test_an_allowed_network_opens_no_other() -> None:
    with pytest.raises(CallbackRefused):
        check_callback_url("http://10.0.0.1/hook", LOOPBACK)


def test_one_private_address_among_public_ones_refuses_the_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def resolve(*_: object, **__: object) -> list[object]:
        answers = ("8.8.8.8", "10.0.0.1")
        return [(socket.AF_INET, 1, 6, "", (address, 443)) for address in answers]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    with pytest.raises(CallbackRefused, match=r"10\.0\.0\.1"):
        check_callback_url("https://two-faced.example/")


def test_the_secret_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    first = load_or_make_secret(tmp_path)

    assert load_or_make_secret(tmp_path) == first
    assert first.startswith("whsec_")
    (kept,) = tmp_path.iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert standardwebhooks.Webhook(first)


def test_a_configured_secret_takes_the_place_of_the_made_one(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "webhook_secret": SECRET})

    assert webhook_secret(settings) == SECRET
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("secret", ["hello", "whsec_", "whsec_%%%", "whsec_YWJj"])
def test_a_secret_that_cannot_sign_stops_the_start(tmp_path: Path, secret: str) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "webhook_secret": secret})

    with pytest.raises(StartFailed, match="TOUCHLINE_WEBHOOK_SECRET"):
        webhook_secret(settings)
