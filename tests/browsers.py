"""The Chromium that tests drive."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def opened_in(browser: str, address: str, *, profile: Path) -> Iterator[None]:
    """Open an address in a browser without a window, which is gone in the end.

    Debian's program is a script: to kill it alone would leave the browser.
    """
    command: Sequence[str] = [
        *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *("--disable-dev-shm-usage", f"--user-data-dir={profile}"),
        *("--remote-debugging-port=0", address),
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
