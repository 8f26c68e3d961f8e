"""What must be true once the last blow has fallen."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg

import app.videos.lost_objects as lost_objects
from app.core.db.locate import running_url
from app.core.db.session import make_engine, make_sessions
from app.core.storage.local import LocalStorage
from app.owners import OBJECT_OWNERS
from tests.chaos.clients import Clients
from tests.chaos.world import World

PATIENCE_S = 420.0

# Every key that a row names; a proxy's and the pictures' among them.
NAMED = """
    select storage_key from videos
    union all select proxy_key from videos
    union all select frame_times_key from videos
    union all select value from videos, jsonb_each_text(
        case when jsonb_typeof(to_jsonb(thumbnails)) = 'object'
        then to_jsonb(thumbnails) else '{}'::jsonb end)
    union all select scores_key from analyses
    union all select file_key from clips
"""


def timeline_of(world: World, video_id: str) -> dict[str, Any]:
    """Read all that the model said of a video: its events and its curves."""
    service = world.service
    events = service.get(f"/videos/{video_id}/events", limit=1000, source="model")
    curves = service.get(f"/videos/{video_id}/scores")
    kept = ("type", "frame", "time_s", "score", "team")
    found = [[event[name] for name in kept] for event in events["items"]]
    return {
        "events": sorted(found, key=repr),  # At one time, by ids that differ.
        "curves": {k: v for k, v in curves.items() if not k.endswith("_id")},
    }


def wait_until(look: Callable[[], bool], within_s: float) -> float | None:
    """Look until it is so; tells after how many seconds, None: never."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        if look():
            return time.monotonic() - began
        time.sleep(0.2)
    return None


def is_ready(world: World) -> bool:
    """Whether `/readyz` says 200; a service that ended is started again."""
    world.look_after()
    try:
        return world.service.client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def have_ended(world: World) -> bool:
    """Whether no job waits or runs, and no webhook is due."""
    statement = """
        select (select count(*) from jobs where status in ('queued', 'running'))
        + (select count(*) from deliveries where status = 'pending')
        + (select count(*) from pending_deletions where deleted_at is null)
    """
    return rows(world, statement) == [(0,)]


def rows(world: World, statement: str) -> list[tuple[Any, ...]]:
    """Ask the service's own database."""
    url = running_url(world.service.data_dir)
    assert url is not None, "Postgres does not run"
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def judge(
    world: World, clients: Clients, truths: dict[str, dict[str, Any]]
) -> list[str]:
    """List what is wrong; nothing, if all is well.

    Args:
        truths: by the name of a clip, what an undisturbed run found.
    """
    found = list(clients.problems)
    for check in (_videos, _webhooks, _corrections, _rows, _files):
        found += check(world, clients, truths)
    return found


def _videos(
    world: World, clients: Clients, truths: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """Each accepted video has one timeline: the right one."""
    if len(clients.sent) != world.plan.videos:
        yield f"{len(clients.sent)} of {world.plan.videos} videos were accepted"
    for sent in clients.sent:
        video = world.service.get(f"/videos/{sent.video_id}")
        if video["status"] != "succeeded":
            yield f"{sent} ended as {video['status']}: {video['job'].get('error')}"
        elif timeline_of(world, sent.video_id) != truths[sent.clip.name]:
            yield f"{sent} has another timeline than an undisturbed run's"
    many = rows(
        world,
        "select video_id, count(*) from analyses group by video_id having count(*) > 1",
    )
    yield from (f"video {video} has {count} timelines" for video, count in many)
    known = Counter([*(sent.video_id for sent in clients.sent), *clients.known])
    there = {str(row[0]) for row in rows(world, "select id from videos")}
    yield from (f"video {one} was made twice" for one, n in known.items() if n > 1)
    yield from (f"video {one} nobody sent" for one in there - set(known))


def _webhooks(
    world: World, clients: Clients, _truths: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """Each video's end was told at least once, always under one id."""
    ids: dict[str, set[str]] = defaultdict(set)
    for headers, body in list(world.receiver.received):
        message = json.loads(body)
        if message["type"] == "video.completed":
            ids[message["data"]["video_id"]].add(headers["webhook-id"])
        else:
            yield f"a webhook says {message['type']} of {message['data']}"
    for sent in clients.sent:
        if len(ids[sent.video_id]) != 1:
            yield f"{sent} was told under {len(ids[sent.video_id])} ids"


def _corrections(
    world: World, clients: Clients, _truths: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """Each correction that was answered is there, once."""
    notes: Counter[tuple[str, str]] = Counter()
    states: dict[tuple[str, str], str] = {}
    for video_id in clients.known:
        events = world.service.get(
            f"/videos/{video_id}/events", limit=1000, state="all"
        )["items"]
        for event in events:
            states[video_id, event["id"]] = event["state"]
            notes[video_id, str(event["attributes"].get("note"))] += 1
    for made in clients.corrections:
        count = notes[made["video"], made["note"]]
        if count != 1:
            yield f"the correction {made} is there {count} times"
    for place, state in clients.decided.items():
        if states.get(place) != state:
            yield f"event {place} was {state} and is {states.get(place)}"


def _rows(
    world: World, _clients: Clients, _truths: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """No row is left of what has ended."""
    for what, statement in {
        "jobs that failed": "select kind, video_id, error_code, error_detail from jobs"
        " where status = 'failed'",
        "jobs with a saved run": "select id from jobs where saved_key is not null",
        "uploads in flight": "select id, owner from uploads",
        "events without analysis": "select distinct analysis_id from events"
        " where analysis_id not in (select id from analyses)",
    }.items():
        left = rows(world, statement)
        if left:
            yield f"{what}: {left}"


def _files(
    world: World, _clients: Clients, _truths: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """After a sweep that takes no object for too young, files and rows agree."""
    data_dir = world.service.data_dir
    storage = LocalStorage(data_dir)
    url = running_url(data_dir)
    assert url is not None
    engine = make_engine(url, pool_size=2)
    usual = lost_objects.STRAY_AFTER
    lost_objects.STRAY_AFTER = usual * 0
    try:
        lost_objects.sweep_lost_objects(
            OBJECT_OWNERS, sessions=make_sessions(engine), storage=storage
        )
    finally:
        lost_objects.STRAY_AFTER = usual
        engine.dispose()
    named = {row[0] for row in rows(world, NAMED) if row[0] is not None}
    stored = {one.key for one in storage.list("videos")}
    yield from (f"file {key} belongs to nobody" for key in sorted(stored - named))
    yield from (f"file {key} is gone" for key in sorted(named - stored))
    uploads = {str(row[0]) for row in rows(world, "select id from resumable_uploads")}
    for one in storage.list("uploads"):
        if one.key.split("/")[1] not in uploads:
            yield f"file {one.key} is of no upload"
