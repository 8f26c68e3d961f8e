"""Toy matches as people leave them: uploaded, labelled and reviewed, over HTTP."""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx

from tests.unit.model.training.toys import toy_match

TYPES = ("DRIBBLE", "BASKET")
SECONDS = 16


def review_matches(
    client: httpx.Client,
    folder: Path,
    *,
    count: int = 3,
    run: Callable[[UUID], None],
) -> list[UUID]:
    """Upload matches, label every event and mark all of them as reviewed.

    Args:
        folder: where the files are drawn.
        run: waits until a job has ended, or runs it.

    Returns:
        The ids of the videos, in the order of their numbers.
    """
    types = [{"name": name} for name in TYPES]
    client.put("/types", json={"items": types}).raise_for_status()
    return [
        _review(client, toy_match(folder / f"match {number}", seed=number), number, run)
        for number in range(1, count + 1)
    ]


def _review(
    client: httpx.Client, match: Path, number: int, run: Callable[[UUID], None]
) -> UUID:
    with (match / "video.mp4").open("rb") as file:
        answer = client.post(
            "/videos",
            files={"file": (f"toy {number}.mp4", file)},
            data={"model": "none", "title": f"Toy match {number}"},
        )
    answer.raise_for_status()
    body = answer.json()
    run(UUID(body["job"]["id"]))
    address = f"/videos/{body['id']}"
    labels = (match / "Labels-ball.json").read_bytes()
    client.post(f"{address}/events:import", content=labels).raise_for_status()
    reviewed = {"from_s": 0.0, "to_s": float(SECONDS)}
    client.post(f"{address}/reviewed", json=reviewed).raise_for_status()
    return UUID(body["id"])


def labelled(match: Path) -> list[tuple[str, float]]:
    """List the events of a drawn match: type and second."""
    rows = json.loads((match / "Labels-ball.json").read_text())["annotations"]
    return [(row["label"], int(row["position"]) / 1000) for row in rows]
