"""What an operator sets is read from the environment, and refused in words."""

from ipaddress import ip_network

import pytest
from pydantic import ValidationError

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
    [("90", 90), ("90 s", 90), ("1.5min", 90), ("2 h", 7200), ("PT90S", 90)],
)
def test_durations_are_written_as_people_write_them(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: float
) -> None:
    monkeypatch.setenv("TOUCHLINE_MAX_DURATION", text)

    assert Settings().max_duration.total_seconds() == seconds


def test_a_lease_outlasts_a_late_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHLINE_LEASE", "15")

    with pytest.raises(ValidationError, match="TOUCHLINE_HEARTBEAT"):
        Settings()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_an_open_door_needs_a_key(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("TOUCHLINE_HOST", host)
    with pytest.raises(ValidationError, match="TOUCHLINE_API_KEY"):
        Settings()

    monkeypatch.setenv("TOUCHLINE_API_KEY", "s3cret")

    assert not Settings().is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_key(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("TOUCHLINE_HOST", host)

    assert Settings().is_loopback


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "http"),
        ("WEBHOOK_ALLOW_NETS", "10.0.0.1/8"),
        ("LOG_FORMAT", "xml"),
        ("MAX_ATTEMPTS", "0"),
        ("LEASE", "0"),
        ("HEARTBEAT", "soon"),
    ],
)
def test_a_bad_value_names_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"TOUCHLINE_{name}", value)

    with pytest.raises(ValidationError) as caught:
        Settings()

    assert caught.value.errors()[0]["loc"][0] == name.lower()
