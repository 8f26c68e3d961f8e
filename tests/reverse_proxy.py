"""A real nginx in front of the API, which serves it under a path of a site."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.services import missing

START_TIMEOUT_S = 120.0  # a busy machine is slow; nothing here measures speed
READY = "/stranger.html"
# The files of a master that is not root's.
AROUND = """\
daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
{inner}
}}
"""
# As docs/deployment.md has it.
CONFIG = """\
  server {{
    listen 127.0.0.1:{port};
    location = /stranger.html {{ default_type text/html; return 200 "<p>hello</p>"; }}
    location {prefix}/ {{
      proxy_pass {upstream}{kept};
      proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off;
      proxy_set_header Host $http_host;
      client_max_body_size 0;
    }}
  }}
"""


@contextmanager
def nginx(
    upstream: str, folder: Path, *, port: int, prefix: str, strips: bool
) -> Iterator[str]:
    """Serve `upstream` under a prefix; gives the address of the proxy, with it.

    Skips (in CI: fails) where there is no nginx.

    Args:
        strips: the proxy takes the prefix off.
    """
    inner = CONFIG.format(
        port=port, prefix=prefix, upstream=upstream, kept="/" if strips else ""
    )
    with nginx_with(inner, folder, port=port) as url:
        yield f"{url}{prefix}"


@contextmanager
def nginx_with(inner: str, folder: Path, *, port: int) -> Iterator[str]:
    """Run nginx with what stands inside of `http`; gives its address.

    Skips (in CI: fails) where there is no nginx.
    """
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        missing("nginx is not installed: apt-get install nginx-light")
    config = folder / "nginx.conf"
    config.write_text(AROUND.format(folder=folder, inner=inner))
    command = [program, "-c", str(config), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}{READY}", process, folder)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


def _wait_for(url: str, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError((folder / "error.log").read_text())
