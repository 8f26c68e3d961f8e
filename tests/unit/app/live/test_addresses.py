"""Where streams come from: what is shown of it has no secret."""

import ipaddress

import pytest

from app.live.addresses import check_addresses, read_address
from app.sources.problems import SourceRefused


@pytest.mark.parametrize(
    ("text", "kind", "shown", "place"),
    [
        ("listen", "listen", "listen", ("", 0)),
        ("push", "push", "push", ("", 0)),
        ("import:cup/final.ts", "file", "import:cup/final.ts", ("", 0)),
        ("udp://0.0.0.0:5004", "udp", "udp://0.0.0.0:5004", ("0.0.0.0", 5004)),
        (
            "rtsp://ana:secret@camera.example/1?token=secret",
            *("pull", "rtsp://camera.example/1", ("camera.example", 554)),
        ),
        (
            "https://cdn.example/a/index.m3u8?key=secret",
            *("pull", "https://cdn.example/a/index.m3u8", ("cdn.example", 443)),
        ),
        (
            "rtmp://[2001:db8::1]:1936/live/main",
            *("pull", "rtmp://[2001:db8::1]:1936/live/main", ("2001:db8::1", 1936)),
        ),
    ],
)
def test_an_address_is_read_and_shown_without_its_secrets(
    text: str, kind: str, shown: str, place: tuple[str, int]
) -> None:
    found = read_address(text)

    assert (found.kind, found.shown, found.text) == (kind, shown, text)
    assert (found.host, found.port) == place


def test_one_private_address_among_many_refuses_a_host() -> None:
    public, private = map(ipaddress.ip_address, ("93.184.215.14", "10.0.0.7"))
    check_addresses("a.example", [public], ())
    check_addresses("a.example", [private], [ipaddress.ip_network("10.0.0.0/8")])

    with pytest.raises(SourceRefused, match=r"10\.0\.0\.7, which is not a public"):
        check_addresses("a.example", [public, private], ())
