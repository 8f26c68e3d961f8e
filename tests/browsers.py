"""The Chromium that tests drive."""

import os
import shutil

from tests.services import missing

WHOLE = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Without what draws windows: what Playwright drives too, for two thirds of the work.
HEADLESS = ("chromium-headless-shell", "chrome-headless-shell")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium(programs: tuple[str, ...] = (*HEADLESS, *WHOLE)) -> str:
    """Find the browser's program; without one the test is skipped."""
    found = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, programs)), None
    )
    if found is None:
        missing(
            "no Chromium: apt-get install chromium-headless-shell (or chromium), or "
            "name it in CHROMIUM"
        )
    return found
