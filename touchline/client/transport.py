"""Requests and their answers: retries, keys, problems; knows no resource.

A request whose answer was lost is sent again where that is safe: reads, deletions and
whatever carries an `Idempotency-Key`, which every change does. `Retry-After` is kept,
and no wait is longer than it was allowed to be.
"""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from touchline.client.addresses import authorization_of, parts_of, plain_address
from touchline.client.errors import (
    ApiProblem,
    BadAnswer,
    ClientError,
    NotFound,
    NotReachable,
    problem_kind,
)

if TYPE_CHECKING:
    import httpx

LOOPBACK = ("localhost", "127.0.0.1", "::1")
PASSING = (408, 425, 429, 502, 503, 504)  # which end by themselves
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 10.0

Query = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the client waits, in seconds.

    Attributes:
        timeout_s: for a connection, and between two pieces of an answer.
        retry_s: for retries of one request, all together; 0: none.
    """

    timeout_s: float = 30.0
    retry_s: float = 60.0


@dataclass(slots=True)
class Backoff:
    """Counts the pauses between tries; over when they would pass the limit.

    Time counts from the first failure on: what went well before may have taken hours.
    """

    limit_s: float
    began_s: float = 0.0
    tries: int = 0

    def pause(self, retry_after_s: float | None = None) -> bool:
        """Wait before the next try; False, at once, if that would take too long."""
        if self.tries == 0:
            self.began_s = time.monotonic()
        wait_s = longest_pause_s(self.tries)
        wait_s *= 0.5 + random.random() / 2  # noqa: S311  # no secret
        wait_s = max(wait_s, retry_after_s or 0.0)
        if time.monotonic() - self.began_s + wait_s > self.limit_s:
            return False
        self.tries += 1
        time.sleep(wait_s)
        return True

    def renew(self) -> None:
        """Begin anew: something went well."""
        self.tries = 0


def longest_pause_s(tries: int) -> float:
    """Give the longest pause after so many of them."""
    # The exponent is bounded: who tries for hours must not overflow a float.
    pause_s: float = min(FIRST_PAUSE_S * 2.0 ** min(tries, 30), LONGEST_PAUSE_S)
    return pause_s


class Transport:
    """One connection pool to one service.

    Attributes:
        url: of the service, without a slash at its end.
        authorization: the header that says who asks.
        uses_proxies: whether those of the environment are used.

    Args:
        url: of the service; a path in it is kept.
        key: sent as a bearer token.

    Raises:
        ValueError: `url` is no address of HTTP, or `key` cannot be sent.
    """

    def __init__(self, url: str, key: str | None, limits: Limits) -> None:
        import httpx

        parts = parts_of(url)
        if parts.username or parts.password:
            raise ValueError("the address holds a password; pass `key` instead")
        self.url, self.limits = url.rstrip("/"), limits
        self.authorization = authorization_of(key)
        # No proxy leads to ourselves.
        self.uses_proxies = parts.hostname not in LOOPBACK
        self._http = httpx.Client(
            headers={**self.authorization, "user-agent": "touchline-client"},
            timeout=limits.timeout_s,
            trust_env=self.uses_proxies,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def json(
        self, method: str, path: str, *, is_retried: bool = True, **request: Any
    ) -> Any:
        """Ask, and read the answer's JSON; see `send`.

        Args:
            is_retried: False: for those that ask again by themselves.

        Raises:
            BadAnswer: it is not JSON.
        """
        ask = self.send if is_retried else self.once
        answer = ask(method, path, **request)
        try:
            return answer.json()
        except ValueError:
            raise BadAnswer(
                f"{method} {self.url}{path} answered with something else than JSON: "
                "is this Touchline?"
            ) from None

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> "httpx.Response":
        """Ask, again and again if need be, until there is an answer that is no problem.

        Raises:
            NotReachable: no answer came, whatever was tried.
            ApiProblem: the service refused it.
        """
        sent = {**(headers or {})}
        if method in ("POST", "PATCH"):
            sent.setdefault("idempotency-key", str(uuid4()))
        backoff = Backoff(self.limits.retry_s)
        while True:
            try:
                return self.once(
                    *(method, path),
                    query=query,
                    body=body,
                    content=content,
                    headers=sent,
                )
            except NotFound:
                if method == "DELETE" and backoff.tries:
                    return self.nothing()  # The try before did it; its answer was lost.
                raise
            except ClientError as problem:
                if not (
                    is_transient(problem) and backoff.pause(retry_after_of(problem))
                ):
                    raise

    def once(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        content: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        answer_s: float | None = None,
    ) -> "httpx.Response":
        """Ask once.

        Args:
            answer_s: how long to wait for the answer, in place of `timeout_s`.

        Raises:
            NotReachable, ApiProblem: as `send`.
        """
        import httpx

        read_s = self.limits.timeout_s if answer_s is None else answer_s
        try:
            answer = self._http.request(
                method,
                self.url + path,
                params=known(query),
                json=body,
                content=content,
                headers=headers,
                timeout=httpx.Timeout(self.limits.timeout_s, read=read_s),
            )
        except httpx.TransportError as exc:
            raise NotReachable(
                f"{self.url} does not answer: {describe_error(exc)}"
            ) from exc
        if answer.status_code >= 300:
            raise problem_of(answer)
        return answer

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> "Iterator[Any]":
        """Open an answer whose body is read bit by bit, wherever the service has it.

        The key goes to the service alone.

        Raises:
            NotReachable, ApiProblem: as `send`.
        """
        import httpx

        try:
            with self._http.stream(
                "GET", self.url + path, headers=headers, follow_redirects=True
            ) as answer:
                if answer.status_code >= 300:
                    answer.read()
                    raise problem_of(answer)
                yield answer
        except httpx.TransportError as exc:
            raise NotReachable(
                f"{self.url} does not answer: {describe_error(exc)}"
            ) from exc

    def nothing(self) -> "httpx.Response":
        """Give the answer of a deletion."""
        import httpx

        return httpx.Response(204)


def known(query: Query | None) -> dict[str, Any]:
    """Leave out what was not given."""
    return {
        name: list(value) if isinstance(value, tuple | set | frozenset) else value
        for name, value in (query or {}).items()
        if value is not None and value != ()
    }


def is_transient(problem: ClientError) -> bool:
    """Whether what went wrong may end by itself."""
    if isinstance(problem, ApiProblem):
        return problem.status in PASSING or problem.code == "idempotency-key-in-use"
    return isinstance(problem, NotReachable)


def retry_after_of(problem: ClientError) -> float | None:
    """How long the service asks to wait."""
    return problem.retry_after_s if isinstance(problem, ApiProblem) else None


def problem_of(answer: "httpx.Response") -> ApiProblem:
    """Read a problem document; what is none (of a proxy) is told by its status."""
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict) or "type" not in document:
        place = plain_address(str(answer.request.url))
        document = {
            "title": answer.reason_phrase,
            "detail": f"{place} answered {answer.status_code} "
            f"{answer.reason_phrase}, without saying why: is this Touchline?",
        }
    wait = answer.headers.get("retry-after", "")
    return problem_kind(answer.status_code)(
        status=answer.status_code,
        document=document,
        request_id=answer.headers.get("x-request-id"),
        retry_after_s=float(wait) if wait.isdecimal() else None,
    )


def describe_error(exc: Exception) -> str:
    """Say what a library's error says, or at least its name."""
    return str(exc) or type(exc).__name__
