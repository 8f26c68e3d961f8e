"""How the review page bears a long match: frames while it scrolls, and its memory.

    python -m benchmarks.review_page [--events 20000] [--hours 3] [--frames 300]

A real API and Debian's Chromium, without a graphics card. A third of the events are
ghosts. For each movement: frames that the browser showed in a second, and how long its
main thread worked for one. At 60 a second there are 16.7 ms for a frame; what a busy
machine does not change is the second number.
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import numpy as np
from playwright.sync_api import CDPSession, Page, sync_playwright

from model.checkpoint.spotting_options import LabelOptions, SpottingOptions
from model.spotting.timeline import Timeline
from tests.acceptance.review_service import (
    FPS,
    LABELS,
    THRESHOLD,
    ReviewService,
    open_context,
    open_review,
)
from tests.api_server import make_settings, running_api
from tests.browsers import ARGUMENTS, WHOLE, chromium
from tests.integration.analyses import analyse
from tests.integration.uploaded import Uploaded
from tests.services import running_postgres

STRIDE = 6  # frames a step of the score curves
SURE, FAINT = 0.8, 0.3
BUSY = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration", "TaskDuration")

# Each gets the number of frames; it moves something once a frame.
MOVES = {
    "the list scrolls": """(frame) => {
        document.querySelector("[data-is=events]").scrollTop = frame * 60;
    }""",
    "the lanes pan": """() => {
        const turned = { deltaX: 8, bubbles: true, cancelable: true };
        const lanes = document.querySelector("[data-is=lanes]");
        lanes.dispatchEvent(new WheelEvent("wheel", turned));
    }""",
    "half of the match pans": """(frame) => {
        const deltaX = frame % 60 < 30 ? 20 : -20;
        const turned = { deltaX, bubbles: true, cancelable: true };
        const lanes = document.querySelector("[data-is=lanes]");
        lanes.dispatchEvent(new WheelEvent("wheel", turned));
    }""",
}
RUN = """async ([does, frames]) => {
    const move = eval(does);
    const started = performance.now();
    for (let frame = 0; frame < frames; frame += 1) {
        await new Promise(requestAnimationFrame);
        move(frame);
    }
    await new Promise(requestAnimationFrame);
    return performance.now() - started;
}"""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--frames", type=int, default=300)
    words = parser.parse_args()
    with (
        running_postgres() as postgres,
        tempfile.TemporaryDirectory() as folder,
        postgres.fresh_database() as url,
    ):
        settings = make_settings(data_dir=Path(folder) / "data", database_url=url)
        with running_api(settings) as api, sync_playwright() as playwright:
            review = ReviewService(api, Path(folder))
            video_id = long_match(review, words.events, words.hours * 3600)
            browser = playwright.chromium.launch(
                executable_path=chromium(WHOLE), args=ARGUMENTS
            )
            context = open_context(browser, api.url, bypass_csp=True)
            measure(context.new_page(), video_id, words.frames)
            browser.close()


def measure(page: Page, video_id: UUID, frames: int) -> None:
    """Open the match and move it."""
    open_review(page, video_id)
    page.wait_for_timeout(3000)  # the plan, the curves
    print(page.locator("[data-is=events-title]").inner_text())
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    print(f"memory {memory(page, devtools)}")
    for name, does in MOVES.items():
        if name.startswith("half"):
            page.keyboard.press("0")
            page.keyboard.press("+")  # as much as can be panned
        before = metrics(devtools)
        took_ms = page.evaluate(RUN, [does, frames])
        after = metrics(devtools)
        each = {one: (after[one] - before[one]) * 1000 / frames for one in BUSY}
        print(
            f"{name:24s} {frames * 1000 / took_ms:5.1f} frames a second, main thread "
            f"{each['TaskDuration']:5.1f} ms a frame (scripts "
            f"{each['ScriptDuration']:.1f}, layout and style "
            f"{each['LayoutDuration'] + each['RecalcStyleDuration']:.1f})"
        )
    print(f"memory {memory(page, devtools)}")


def metrics(devtools: CDPSession) -> Mapping[str, float]:
    """Read the browser's counters."""
    found = devtools.send("Performance.getMetrics")["metrics"]
    return {one["name"]: one["value"] for one in found}


def memory(page: Page, devtools: CDPSession) -> str:
    """Tell what the page holds once what is free has been collected."""
    devtools.send("HeapProfiler.collectGarbage")
    found = metrics(devtools)
    return (
        f"{found['JSHeapUsedSize'] / 1e6:.0f} MB of objects, "
        f"{found['Nodes']:.0f} nodes; its process {private_mb(page):.0f} MB of its own"
    )


def private_mb(page: Page) -> float:
    """Add up what only the page's process has in memory: code and video as well."""
    browser = page.context.browser
    if browser is None:
        return float("nan")
    told = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
    pids = [one["id"] for one in told["processInfo"] if one["type"] == "renderer"]
    return sum(map(_private_kib, pids)) * 1024 / 1e6


def _private_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def long_match(review: ReviewService, count: int, duration_s: float) -> UUID:
    """Upload a short file that is said to be long, with a peak for each event."""
    video_id = review.upload(review.draw())
    frames = np.arange(0, round(duration_s * FPS), STRIDE, dtype=np.int64)
    scores = np.full((len(frames), len(LABELS) + 1), 0.01, np.float32)
    at = np.linspace(2, len(frames) - 3, count).astype(np.int64)
    which = np.arange(count)
    scores[at, 1 + which % len(LABELS)] = np.where(which % 9 < 6, SURE, FAINT)
    scores[:, 0] = np.clip(1 - scores[:, 1:].sum(axis=1), 0, 1)
    review.probe(video_id, np.arange(round(duration_s * FPS)) / FPS)
    video = review.api.client.get(f"/videos/{video_id}").json()
    analyse(
        Uploaded(video_id, UUID(video["job"]["id"]), review.api.service.sessions),
        Timeline(LABELS, scores, frames / FPS, frames, frames),
        SpottingOptions(dict.fromkeys(LABELS, LabelOptions(THRESHOLD, 0.2))),
        storage=review.api.service.storage,
    )
    return video_id


if __name__ == "__main__":
    main()
