"""Who uses the service meanwhile: they send videos and corrections until it is done.

They do what a client of any HTTP service must: try again after a lost answer, with the
same key.
"""

import base64
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.chaos.world import World

PATIENCE_S = 420.0  # for one request that must come through
PAUSE_S = 0.5
TUS = {"tus-resumable": "1.0.0"}
# What a client tries again: too early, at the same time, no room, or not there now.
AGAIN = (408, 409, 423, 425, 429, 460, 500, 502, 503, 504, 507)


class Refused(AssertionError):
    """The service said no to something that is right."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A video that the service has accepted."""

    clip: Path
    video_id: str
    way: str


@dataclass
class Clients:
    """All of them, in threads of their own.

    Attributes:
        known: videos of the undisturbed run, which are corrected meanwhile.
    """

    world: World
    clips: list[Path]
    known: list[str]
    sent: list[Sent] = field(default_factory=list)
    corrections: list[dict[str, Any]] = field(default_factory=list)
    decided: dict[tuple[str, str], str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _left: int = 0

    def start(self) -> None:
        self._left = self.world.plan.videos
        for number in range(2):
            self._begin(self._send_all, number)
        self._begin(self._correct_all, 0)

    @property
    def are_done(self) -> bool:
        return all(not thread.is_alive() for thread in self._threads[:2])

    def join(self) -> None:
        """Wait until all videos were accepted, and end the corrections."""
        for thread in self._threads[:2]:
            thread.join()
        self.world.stop.set()
        for thread in self._threads:
            thread.join()

    def _begin(self, work: Callable[[random.Random], None], number: int) -> None:
        chance = random.Random(f"{self.world.plan.seed} {work.__name__} {number}")

        def run() -> None:
            try:
                work(chance)
            except Exception as exc:  # noqa: BLE001  # told at the end
                self.problems.append(f"{work.__name__}: {type(exc).__name__}: {exc}")

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _send_all(self, chance: random.Random) -> None:
        while True:
            with self._lock:
                if self._left == 0:
                    return
                self._left -= 1
            clip = chance.choice(self.clips)
            way = chance.choice(["plain", "resumable"])
            send = self._send_plain if way == "plain" else self._send_resumable
            video_id = send(clip)
            with self._lock:
                self.sent.append(Sent(clip, video_id, way))
            time.sleep(chance.uniform(0.0, 3.0))

    def _send_plain(self, clip: Path) -> str:
        answer = self._insist(
            "POST",
            "/videos",
            headers={"idempotency-key": str(uuid4())},
            files={"file": (clip.name, clip.read_bytes())},
            data={"callback_url": self.world.receiver.url},
        )
        return str(answer.json()["id"])

    def _send_resumable(self, clip: Path) -> str:
        data = clip.read_bytes()
        place = self._insist(
            "POST",
            "/uploads",
            headers={
                **TUS,
                "upload-length": str(len(data)),
                "upload-metadata": _metadata(
                    filename=clip.name, callback_url=self.world.receiver.url
                ),
            },
        ).headers["location"]
        size = len(data) // 3 + 1
        while True:
            told = self._insist("HEAD", place, headers=TUS).headers
            if "touchline-video" in told:
                return str(told["touchline-video"]).rsplit("/", 1)[-1]
            offset = int(told["upload-offset"])
            self._try(
                "PATCH",
                place,
                headers={
                    **TUS,
                    "upload-offset": str(offset),
                    "content-type": "application/offset+octet-stream",
                },
                content=data[offset : offset + size],
            )
            time.sleep(PAUSE_S)

    def _correct_all(self, chance: random.Random) -> None:
        """Add an event now and then, and accept one of the model's."""
        events = {
            video_id: self._insist(
                "GET", f"/videos/{video_id}/events", params={"limit": 200}
            ).json()["items"]
            for video_id in self.known
        }
        number = 0
        while not self.world.stop.wait(1.0):
            number += 1
            video_id = chance.choice(self.known)
            note = f"{number} {uuid4()}"
            body = {"type": "SHOT", "time_s": 0.1 * (number % 30)}
            body["attributes"] = {"note": note}
            keys = {"idempotency-key": str(uuid4())}
            path = f"/videos/{video_id}/events"
            self._insist("POST", path, json=body, headers=keys)
            self.corrections.append({"video": video_id, "note": note})
            event = chance.choice(events[video_id])["id"]
            made = self._insist(
                "PATCH",
                f"{path}/{event}",
                json={"state": "accepted"},
                headers={"idempotency-key": str(uuid4())},
            ).json()
            # One that an added event has taken the place of is that event.
            self.decided[video_id, made["id"]] = made["state"]

    def _insist(self, method: str, path: str, **what: Any) -> httpx.Response:
        """Send a request again and again until it is answered well."""
        deadline = time.monotonic() + PATIENCE_S
        said = "nothing"
        while time.monotonic() < deadline:
            answer = self._try(method, path, **what)
            if answer is not None:
                if answer.is_success:
                    return answer
                said = f"{answer.status_code} {answer.text[:300]}"
            time.sleep(PAUSE_S)
        raise Refused(f"{method} {path} did not come through; the last answer: {said}")

    def _try(self, method: str, path: str, **what: Any) -> httpx.Response | None:
        """Send a request once; None if there was no answer.

        Raises:
            Refused: the answer is one that no blow explains.
        """
        try:
            answer = self.world.service.client.request(method, path, **what)
        except httpx.TransportError:
            return None
        if answer.is_success or answer.status_code in AGAIN:
            if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
                self.problems.append(f"{method} {path}: 500 {answer.text[:300]}")
            return answer
        raise Refused(f"{method} {path}: {answer.status_code} {answer.text[:300]}")


def _metadata(**fields: str) -> str:
    """Write tus's Upload-Metadata."""
    return ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}"
        for name, value in fields.items()
    )
