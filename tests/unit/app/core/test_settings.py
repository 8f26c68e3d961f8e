"""What an operator sets is read from the environment, and refused in words."""

from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from app.core.errors import StartFailed
from app.core.settings import Settings


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TOUCHLINE_{name.upper()}", raising=False)


def test_everything_has_a_default_that_stays_on_this_machine() -> None:
    settings = Settings()

    assert settings.is_loopback
    assert settings.base_url == "http://127.0.0.1:8000"
    assert settings.data_dir.is_absolute()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_PORT", "9001")
    monkeypatch.setenv("TOUCHLINE_MAX_UPLOAD_SIZE", "3 GiB")
    monkeypatch.setenv("TOUCHLINE_WEBHOOK_ALLOW_NETS", "10.0.0.0/8, 127.0.0.1/32")
    monkeypatch.setenv("TOUCHLINE_API_KEY", "s3cret")
    monkeypatch.setenv("TOUCHLINE_REDIS_URL", "")

    settings = Settings()

    assert settings.port == 9001
    assert settings.max_upload_size == 3 * 2**30
    assert settings.webhook_allow_nets == (
        ip_network("10.0.0.0/8"),
        ip_network("127.0.0.1/32"),
    )
    assert settings.redis_url is None  # empty means unset
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("90", 90), ("2.5", 2.5), ("90 s", 90), ("1.5min", 90), ("2 h", 7200)),
        ("PT90S", 90),
    ],
)
def test_durations_are_written_as_people_write_them(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: float
) -> None:
    monkeypatch.setenv("TOUCHLINE_MAX_DURATION", text)

    assert Settings().max_duration.total_seconds() == seconds


@pytest.mark.parametrize("lease", ["29", "PT5S"])
def test_a_lease_too_short_for_its_heartbeats_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, lease: str
) -> None:
    monkeypatch.setenv("TOUCHLINE_LEASE", lease)

    with pytest.raises(ValidationError) as caught:
        Settings()

    (error,) = caught.value.errors()
    assert "set it to 30s or more" in error["msg"]
    assert "TOUCHLINE_HEARTBEAT=10s" in error["msg"]


def test_a_lease_of_three_heartbeats_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_LEASE", "30")

    assert Settings().lease == 3 * Settings().heartbeat


def test_a_network_may_be_named_by_any_of_its_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOUCHLINE_WEBHOOK_ALLOW_NETS", "127.0.0.1/8, ::1")

    assert Settings().webhook_allow_nets == (
        ip_network("127.0.0.0/8"),
        ip_network("::1/128"),
    )


def test_a_bad_network_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_WEBHOOK_ALLOW_NETS", "10.0.0.0/8, 300.1.1.1/8")

    with pytest.raises(ValidationError) as caught:
        Settings()

    (error,) = caught.value.errors()
    assert error["loc"] == ("webhook_allow_nets",)
    assert "'300.1.1.1/8'" in error["msg"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_an_open_door_needs_a_key(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("TOUCHLINE_HOST", host)
    with pytest.raises(StartFailed, match="TOUCHLINE_API_KEY"):
        Settings().require_key_if_exposed()

    monkeypatch.setenv("TOUCHLINE_API_KEY", "s3cret")

    Settings().require_key_if_exposed()
    assert not Settings().is_loopback


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("::1", "http://[::1]:8000"),
        ("2001:db8::5", "http://[2001:db8::5]:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("localhost", "http://localhost:8000"),
    ],
)
def test_links_lead_somewhere_whatever_the_host(
    monkeypatch: pytest.MonkeyPatch, host: str, url: str
) -> None:
    monkeypatch.setenv("TOUCHLINE_HOST", host)

    assert Settings().base_url == url


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_key(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("TOUCHLINE_HOST", host)

    Settings().require_key_if_exposed()
    assert Settings().is_loopback


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "http"),
        ("WEBHOOK_ALLOW_NETS", "here"),
        ("LOG_FORMAT", "xml"),
        ("MAX_ATTEMPTS", "0"),
        ("LEASE", "0"),
        ("HEARTBEAT", "soon"),
        ("ENGINE", "gpu"),
    ],
)
def test_a_bad_value_names_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"TOUCHLINE_{name}", value)

    with pytest.raises(ValidationError) as caught:
        Settings()

    assert caught.value.errors()[0]["loc"][0] == name.lower()


@pytest.mark.parametrize(
    "origins",
    ["club.example", "https://club.example/", "ftp://x", "https://a b", "null"],
)
def test_what_is_no_origin_is_refused(origins: str) -> None:
    with pytest.raises(ValidationError, match="no origin: write it like"):
        Settings.model_validate({"cors_origins": origins})


def test_origins_are_read_with_commas_between() -> None:
    read = Settings.model_validate(
        {"cors_origins": "https://A.example, http://b:5173,"}
    )

    assert read.cors_origins == ("https://a.example", "http://b:5173")


@pytest.mark.parametrize(
    "url",
    ["club.example", "https://x/a b", "https://x/?a", "https://x/../y", "/touchline"],
)
def test_a_public_url_that_no_link_can_start_with_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="no base of links"):
        Settings.model_validate({"public_url": url})


@pytest.mark.parametrize(
    ("url", "base", "prefix"),
    [
        ("https://x/", "https://x", ""),
        ("https://x/touchline/", "https://x/touchline", "/touchline"),
        ("https://x/a/b", "https://x/a/b", "/a/b"),
    ],
)
def test_a_public_url_may_have_a_path(url: str, base: str, prefix: str) -> None:
    read = Settings.model_validate({"public_url": url})

    assert (read.base_url, read.public_prefix) == (base, prefix)


PROXY = {
    "TOUCHLINE_PROXY_USER_HEADER": "X-Auth-Request-Email",
    "TOUCHLINE_PROXY_SECRET": "a" * 32,
    "TOUCHLINE_REQUIRE_KEY": "true",
}


def test_a_proxy_that_names_people_is_taken_with_its_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in PROXY.items():
        monkeypatch.setenv(name, value)

    settings = Settings()

    assert settings.proxy_user_header == "x-auth-request-email"
    assert "a" * 32 not in repr(settings)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"TOUCHLINE_PROXY_SECRET": ""}, "set both, or neither"),
        ({"TOUCHLINE_PROXY_USER_HEADER": ""}, "set both, or neither"),
        ({"TOUCHLINE_PROXY_SECRET": "short"}, "at least 32"),
        ({"TOUCHLINE_REQUIRE_KEY": "false"}, "set TOUCHLINE_REQUIRE_KEY=true"),
        ({"TOUCHLINE_PROXY_USER_HEADER": "Cookie"}, "your proxy alone"),
        ({"TOUCHLINE_PROXY_USER_HEADER": "X Auth"}, "your proxy alone"),
    ],
)
def test_a_header_that_anybody_could_send_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], why: str
) -> None:
    for name, value in {**PROXY, **changed}.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError, match=why):
        Settings()


@pytest.mark.parametrize("way", ["presigned_downloads", "presigned_uploads"])
def test_addresses_are_signed_in_a_bucket_alone(way: str) -> None:
    with pytest.raises(ValidationError, match=r"needs a bucket, .*TOUCHLINE_STORAGE"):
        Settings.model_validate({way: True})

    for storage in ("s3://club", "gs://club/videos", "az://club"):
        assert Settings.model_validate({way: True, "storage": storage}).storage


@pytest.mark.parametrize("text", ["s3.club.example", "https://club.example/s3", "s3:/"])
def test_an_endpoint_for_clients_is_signed_whole(text: str) -> None:
    with pytest.raises(ValidationError, match="is no endpoint of a bucket"):
        Settings.model_validate({"presigned_endpoint": text})


@pytest.mark.parametrize("text", ["0", "8 days"])
def test_an_address_is_good_for_a_second_to_a_week(text: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"presigned_expiry": text})
