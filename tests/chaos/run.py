"""One run of chaos, from the first start to the verdict."""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.chaos.blows import strike_until
from tests.chaos.clients import Clients
from tests.chaos.clips import draw_clips
from tests.chaos.plan import Plan
from tests.chaos.verdict import (
    PATIENCE_S,
    have_ended,
    is_ready,
    judge,
    timeline_of,
    wait_until,
)
from tests.chaos.world import World, made_world


def run_chaos(plan: Plan, checkpoint: Path) -> list[str]:
    """Run it; returns what went wrong: nothing, if all is well."""
    print(f"again with: {plan.command}", flush=True)  # noqa: T201  # a command
    with (
        TemporaryDirectory(prefix="chaos-") as folder,
        made_world(plan, checkpoint) as world,
    ):
        clips = draw_clips(Path(folder) / "clips")
        world.service.start()
        known, truths = _undisturbed(world, clips)
        world.say("the undisturbed run is over")
        clients = Clients(world, clips, known)
        clients.start()
        last_blow = strike_until(world, lambda: clients.are_done)
        found = _recovers(world, last_blow)
        clients.join()
        world.say(f"{len(clients.sent)} videos and {len(clients.corrections)} events")
        if wait_until(lambda: _is_over(world), PATIENCE_S) is None:
            found.append("jobs or webhooks are still under way")
        world.say("all jobs have ended")
        found += judge(world, clients, truths)
        for line in found:
            world.say(f"WRONG: {line}")
        world.say(f"{len(found)} things are wrong; seed {plan.seed}")
    return found


def _undisturbed(
    world: World, clips: list[Path]
) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """Have each clip analysed in peace: the videos, and what was found by name."""
    videos = [world.service.upload(clip)["id"] for clip in clips]
    truths = {}
    for clip, video_id in zip(clips, videos, strict=True):
        video = world.service.wait_for_end(video_id)
        assert video["status"] == "succeeded", video
        truths[clip.name] = timeline_of(world, video_id)
        assert truths[clip.name]["events"], f"{clip.name} has no event"
    return videos, truths


def _recovers(world: World, last_blow: float) -> list[str]:
    """Look whether the service says that it is ready, soon after the last blow."""
    limit_s = world.plan.ready_within_s
    left_s = limit_s - (time.monotonic() - last_blow)
    waited_s = wait_until(lambda: is_ready(world), left_s)
    if waited_s is None:
        world.say("not ready in time")
        wait_until(lambda: is_ready(world), PATIENCE_S)
        return [f"/readyz did not say 200 within {limit_s:g} s"]
    world.say(f"ready {time.monotonic() - last_blow:.1f} s after the last blow")
    return []


def _is_over(world: World) -> bool:
    try:
        return have_ended(world)
    except Exception as exc:  # noqa: BLE001  # the database may be on its way back
        print(exc, file=sys.stderr)  # noqa: T201  # a command
        return False
