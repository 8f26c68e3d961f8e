"""What the client tells, and keeps to itself, where a request does not go well."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from touchline.client.client import Client
from touchline.client.errors import ApiProblem, BadSignature
from touchline.client.transport import Backoff, longest_pause_s
from touchline.client.webhooks import verify_webhook

KEY = "tl_2f7a_very-secret"


@contextmanager
def served(status: int, headers: dict[str, str], seen: list[str]) -> Iterator[str]:
    """Serve one answer to everything; `seen` gets the keys that came."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(str(self.headers.get("authorization")))
            self.send_response(status)
            for name, value in {"content-length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", " "])
def test_a_key_read_from_a_file_is_sent_without_the_end_of_its_line(end: str) -> None:
    seen: list[str] = []

    with (
        served(404, {}, seen) as url,
        Client(url, KEY + end, retry_s=0) as client,
        pytest.raises(ApiProblem),
    ):
        client.video("x")

    assert seen == [f"Bearer {KEY}"]


@pytest.mark.parametrize("key", [f"{KEY}\nx", f"{KEY}\u20ac", f"{KEY}\x7f"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ValueError, match="key") as refused:
        Client(key=key)

    assert KEY not in str(refused.value)


def test_a_signed_address_that_is_refused_is_told_without_its_signature() -> None:
    with served(403, {}, []) as bucket:
        signed = f"{bucket}/a.mp4?X-Amz-Signature=0123abcd"
        with (
            served(307, {"location": signed}, []) as url,
            Client(url, KEY, retry_s=0) as client,
            pytest.raises(ApiProblem) as refused,
            client._http.stream("/clips/1/file", {}),
        ):
            pass

    assert f"{bucket}/a.mp4 answered 403" in str(refused.value)
    assert "0123abcd" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["http://localhost:abc", "http://localhost:99999", "http://[::1", "http://a\n.org"],
)
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        Client(url)


def test_a_service_that_is_away_for_a_day_is_still_asked_again() -> None:
    backoff = Backoff(limit_s=0.0, began_s=time.monotonic(), tries=5000)

    assert not backoff.pause()
    assert longest_pause_s(5000) == longest_pause_s(6)


def test_a_webhook_whose_time_is_no_time_is_not_from_the_service() -> None:
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1" * 5000,
        "webhook-signature": "v1,AAAA",
    }

    with pytest.raises(BadSignature):
        verify_webhook(b"{}", headers, "whsec_AAAA")
