"""What of this machine the service stands on: packages, disk, memory, port, files."""

import os
import platform
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from app.core.settings import Settings
from app.doctor.findings import Finding, ok, problem, warning
from app.supervisor.preflight import LEAST_FREE_BYTES
from app.webhooks.signing import SECRET_FILE, webhook_secret

OLDEST_PYTHON = (3, 11)
WORKER_PACKAGES = ("av", "openvino", "PIL")
GPU_PACKAGES = ("torch", "torchvision", "timm")
CARD = Path("/dev/nvidia0")
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # the mount itself, not a file in it
LEAST_SHARED_BYTES = 64 * 2**20
ROOMY_BYTES = 20 * 2**30  # a match, with its proxy and clips, takes a few GB
PRIVATE = (SECRET_FILE,)
ANSWERS_WITHIN_S = 3.0


def check_python() -> Finding:
    """Tell the release, and whether Python is new enough."""
    try:
        release = version("touchline")
    except PackageNotFoundError:
        release = "not installed as a package"
    words = f"{platform.python_version()} on {platform.platform()}; touchline {release}"
    if sys.version_info < OLDEST_PYTHON:
        return problem("python", words, "Touchline needs Python 3.11 or newer")
    return ok("python", words)


def check_packages() -> Iterator[Finding]:
    """Look for what decodes and spots, without loading it."""
    missing = [name for name in WORKER_PACKAGES if find_spec(name) is None]
    if missing:
        yield warning(
            "packages",
            f"{', '.join(missing)} not installed, so this machine serves the API alone",
            "pip install 'touchline[worker]' where workers are to run",
        )
    else:
        yield ok("packages", f"workers can run: {', '.join(WORKER_PACKAGES)}")
    without = [name for name in GPU_PACKAGES if find_spec(name) is None]
    if CARD.exists() and without:
        yield warning(
            "gpu",
            f"an NVIDIA card is here, but not {', '.join(without)}",
            "pip install 'touchline[gpu]' to use it",
        )


def check_decoder() -> Finding:
    """Load PyAV and look for the codecs that match video comes in."""
    if find_spec("av") is None:
        return ok("decoder", "none: this machine serves the API alone")
    from model.video.decoder_library import decoder_library

    found = decoder_library()
    words = f"PyAV {found.pyav} with FFmpeg {found.ffmpeg}"
    if found.missing:
        return problem(
            "decoder",
            f"{words} lacks {', '.join(found.missing)}",
            "pip install --force-reinstall --only-binary=:all: av",
        )
    return ok("decoder", words)


def check_access(settings: Settings) -> Finding:
    """Look who may come in."""
    settings.require_key_if_exposed()
    if settings.is_loopback:
        return ok("access", f"{settings.host}: this machine alone")
    return ok("access", f"{settings.host}: other machines, with a key")


def check_port(settings: Settings) -> Finding:
    """Look who listens where the API is to; binds nothing."""
    place, parts = f"{settings.host} port {settings.port}", urlsplit(settings.local_url)
    try:
        with socket.create_connection(
            (parts.hostname or "", parts.port or 0), timeout=ANSWERS_WITHIN_S
        ):
            pass
    except ConnectionRefusedError:
        return ok("port", f"{place} is free: no API runs here")
    except OSError as exc:
        return problem(
            "port",
            f"{place} cannot be reached ({exc.strerror or exc})",
            "set TOUCHLINE_HOST to an address of this machine",
        )
    if is_serving(settings):
        return ok("port", f"Touchline answers on {place}")
    return problem(
        "port",
        f"something else answers on {place}, or Touchline hangs",
        "stop it, or set TOUCHLINE_PORT",
    )


def is_serving(settings: Settings) -> bool:
    """Whether an API of ours answers where this one is to listen."""
    try:
        answer = httpx.get(
            f"{settings.local_url}/healthz", timeout=ANSWERS_WITHIN_S, trust_env=False
        )
        return bool(answer.json() == {"status": "alive"})
    except (httpx.HTTPError, ValueError):
        return False


def check_data_dir(settings: Settings) -> Iterator[Finding]:
    """Look whether the data directory can be written to, and its secrets are private.

    Nothing is written: what the permissions say is believed.
    """
    data_dir = settings.data_dir
    there = _nearest(data_dir)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield problem(
            "data directory",
            f"{there} cannot be written to by the user with the id {os.geteuid()}",
            f"chown it to that user, or set TOUCHLINE_DATA_DIR (now {data_dir})",
        )
        return
    if not data_dir.exists():
        yield ok("data directory", f"{data_dir} will be made at the first start")
        return
    others = sorted(
        path.name
        for path in data_dir.iterdir()
        if os.geteuid() != 0 and path.lstat().st_uid != os.geteuid()
    )
    if others:
        yield problem(
            "data directory",
            f"{', '.join(others)} in {data_dir} are of another user",
            f"chown -R {os.geteuid()} {data_dir}",
        )
        return
    for name in PRIVATE:
        path = data_dir / name
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield warning(
                "data directory", f"others may read {path}", f"chmod 600 {path}"
            )
    yield ok("data directory", f"{data_dir} can be written to")


def check_disk(settings: Settings) -> Finding:
    """Look at the room that is left."""
    there = _nearest(settings.data_dir)
    free = shutil.disk_usage(there).free
    words = f"{free / 2**30:,.1f} GiB free on the disk of {there}"
    needed = max(LEAST_FREE_BYTES, settings.min_free_space)
    if free < needed:
        return problem(
            "disk",
            f"{words}, of which {needed / 2**30:,.1f} GiB are to stay free",
            "free some, set rules of retention, or set TOUCHLINE_DATA_DIR",
        )
    if free < ROOMY_BYTES:
        return warning("disk", words, "a few matches fill it; make room in time")
    return ok("disk", words)


def check_shared_memory() -> Finding:
    """Look at /dev/shm, through which frames and tensors may pass."""
    if not SHARED_MEMORY.is_dir():
        return ok("shared memory", f"this system has no {SHARED_MEMORY}")
    usage = shutil.disk_usage(SHARED_MEMORY)
    words = f"{SHARED_MEMORY} has {usage.total / 2**20:,.0f} MiB"
    words += f", {usage.free / 2**20:,.0f} MiB free"
    if usage.free < LEAST_SHARED_BYTES // 2 or usage.total < LEAST_SHARED_BYTES:
        return warning(
            "shared memory", words, "give a container more: docker run --shm-size=64m"
        )
    return ok("shared memory", words)


def check_import_dir(settings: Settings) -> Finding:
    """Look at the folder that videos may be taken from."""
    folder = settings.import_dir
    if folder is None:
        return ok("import folder", "none is set")
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        return problem(
            "import folder",
            f"{folder} is no folder that can be read",
            "make it, or set TOUCHLINE_IMPORT_DIR to another",
        )
    return ok("import folder", str(folder))


def check_webhook_secret(settings: Settings) -> Finding:
    """Read the secret in use; one that is not there yet is not made."""
    part, path = "webhook secret", settings.data_dir / SECRET_FILE
    if settings.webhook_secret is None and not path.exists():
        return ok(part, f"{path} will be made at the first start")
    webhook_secret(settings)
    if settings.webhook_secret is None:
        return ok(part, f"of {path}")
    return ok(part, "of TOUCHLINE_WEBHOOK_SECRET")


def _nearest(path: Path) -> Path:
    """Find the path itself or the first folder above it that is there."""
    return next(one for one in (path, *path.parents) if one.exists())
