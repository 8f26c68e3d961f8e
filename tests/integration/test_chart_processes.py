"""The very commands of the Helm chart, as processes, take a video to its timeline.

Against a real Postgres and a real Redis, each with TLS and a password, and where this
release keeps videos in buckets, a real S3 server. The pods share no folder then.
"""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.core.settings import Settings
from tests.certificates import make_certificates
from tests.chart_processes import PATIENCE_S, Cluster, Pod, make_pod
from tests.helm_chart import Manifest, pods, render
from tests.redis_servers import PASSWORD, running_server
from tests.s3_server import running_s3
from tests.services import free_port, open_folder
from tests.tls_postgres import DATABASE, USER, running_tls_postgres
from tests.videos import draw_video

pytestmark = [pytest.mark.slow, pytest.mark.costly]

KEY = "a-key-that-may-do-everything"
SECRET = "whsec_" + "bm8gb25lIGtub3dzIHRoaXMgc2VjcmV0IG9mIG91cnM="
HAS_BUCKETS = "storage" in Settings.model_fields
WORKERS = ("background", "media", "gpu", "live", "train")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def values_of(
    *, database_port: int, redis_port: int, bucket: Mapping[str, object]
) -> dict[str, Any]:
    return {
        "database": {
            "url": f"postgresql://{USER}@127.0.0.1:{database_port}/{DATABASE}",
            "tls": {"existingSecret": "postgres-tls"},
        },
        "redis": {
            "url": f"rediss://127.0.0.1:{redis_port}/0",
            "tls": {"existingSecret": "redis-tls"},
        },
        "storage": dict(bucket),
        "config": {
            "TOUCHLINE_MODEL": "tiny",
            "TOUCHLINE_ENGINE": "openvino",
            "TOUCHLINE_HEARTBEAT": "2 s",
            "TOUCHLINE_SWEEP_EVERY": "2 s",
            "TOUCHLINE_MIN_FREE_SPACE": 0,
        },
        "models": {"existingClaim": "models"},
        "workers": {
            "gpu": {"image": "touchline-cpu", "gpu": {"enabled": False}},
            "live": {"enabled": True},
            "train": {"enabled": True},
        },
    }


def bucket_of(stack: ExitStack) -> tuple[dict[str, object], dict[str, str]]:
    """Give the chart's values of the storage, and its secret."""
    if not HAS_BUCKETS:
        return {"existingClaim": "videos"}, {}
    server = stack.enter_context(running_s3())
    values: dict[str, object] = {
        "url": f"s3://{server.fresh_bucket()}/club",
        "endpoint": server.url,
        "region": "us-east-1",
        "existingSecret": "s3",
    }
    return values, {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
    }


def share_data(all_pods: list[Pod], folder: Path) -> None:
    """Mount one folder in all pods, as a claim would be."""
    folder.mkdir()
    (folder / "models").mkdir()
    for pod in all_pods:
        place = pod.root / "data"
        if place.exists():
            shutil.rmtree(place)
            place.symlink_to(folder)


def spec_of(manifests: list[Manifest], name: str) -> Manifest:
    return pods(manifests)[f"touchline-{name}"]


@pytest.mark.nightly
def test_the_charts_commands_take_a_video_to_its_timeline(
    checkpoint: Path, tmp_path: Path, stack: ExitStack
) -> None:
    folder = stack.enter_context(open_folder())
    certificates = make_certificates(folder)
    redis = stack.enter_context(running_server(folder, tls=certificates))
    database_port = stack.enter_context(
        running_tls_postgres(folder, certificates, password=PASSWORD)
    )
    bucket, s3_secret = bucket_of(stack)
    manifests = render(
        values_of(database_port=database_port, redis_port=redis.port, bucket=bucket)
    )
    own = {
        "api-key": KEY,
        "webhook-secret": SECRET,
        "redis-password": PASSWORD,
        "database-password": PASSWORD,
    }
    cluster = Cluster(folder / "pods", {"touchline": own, "s3": s3_secret}, free_port())
    (folder / "tls").mkdir()
    shutil.copy(certificates.ca, folder / "tls" / "ca.crt")
    (folder / "models").mkdir()
    shutil.copy(checkpoint, folder / "models")
    authority = dict.fromkeys(("redis-tls", "postgres-tls"), folder / "tls")
    mounted = {**authority, "models": folder / "models"}
    made = {
        name: make_pod(cluster, name, spec_of(manifests, name), mounted=mounted)
        for name in ("migrate", "api", *WORKERS)
    }
    if not HAS_BUCKETS:
        share_data([*made.values()], folder / "shared")
        shutil.copy(checkpoint, folder / "shared" / "models")

    migrated = made["migrate"].run()
    assert migrated.returncode == 0, migrated.stderr
    processes = {
        name: stack.enter_context(made[name].running()) for name in ("api", *WORKERS)
    }
    for name in processes:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            made[name].wait_for(probe)
    client = stack.enter_context(
        httpx.Client(
            base_url=f"http://127.0.0.1:{cluster.port}",
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=60,
            trust_env=False,
        )
    )
    found = analyse(client, tmp_path)
    ready = client.get("/readyz").json()

    assert client.get("/videos", headers={"Authorization": ""}).status_code == 401
    assert found["status"] == "succeeded", found
    assert ready["checks"] == dict.fromkeys(ready["checks"], "ok")
    assert {"database", "broker", "storage", *WORKERS} <= ready["checks"].keys()
    for name, process in processes.items():
        process.terminate()
        assert process.wait(grace_of(manifests, name)) in (0, -15), made[name].log
    assert not made["gpu"].probe("readinessProbe")


def analyse(client: httpx.Client, folder: Path) -> dict[str, Any]:
    """Upload a video, wait for its end, and see that its events can be read."""
    draw_video(folder / "a.mp4", frames=60, fps=15, size=(96, 54))
    with (folder / "a.mp4").open("rb") as file:
        made = client.post("/videos", files={"file": ("a.mp4", file)})
    assert made.status_code == 202, made.text
    video = made.json()
    address = f"/videos/{video['id']}/jobs"
    deadline = time.monotonic() + PATIENCE_S
    while True:
        (job,) = client.get(address).json()["items"]
        if job["status"] not in ("queued", "running"):
            break
        assert time.monotonic() < deadline, job
        time.sleep(0.5)
    events = client.get(f"/videos/{video['id']}/events").json()
    assert len(events["items"]) > 0
    stored = client.get(f"/videos/{video['id']}/file", headers={"Range": "bytes=0-9"})
    assert stored.content == (folder / "a.mp4").read_bytes()[:10]
    found: dict[str, Any] = job
    return found


def grace_of(manifests: list[Manifest], name: str) -> float:
    """How long the kubelet waits before it kills."""
    return float(spec_of(manifests, name)["terminationGracePeriodSeconds"])


def test_a_worker_that_is_not_there_is_neither_alive_nor_ready(
    tmp_path: Path, stack: ExitStack
) -> None:
    folder = stack.enter_context(open_folder())
    certificates = make_certificates(folder)
    port = stack.enter_context(
        running_tls_postgres(folder, certificates, password=PASSWORD)
    )
    bucket = {"existingClaim": "videos"}
    manifests = render(values_of(database_port=port, redis_port=1, bucket=bucket))
    own = dict.fromkeys(("api-key", "webhook-secret", "redis-password"), "x")
    own["database-password"] = PASSWORD
    cluster = Cluster(tmp_path, {"touchline": own}, free_port())
    (tmp_path / "tls").mkdir()
    shutil.copy(certificates.ca, tmp_path / "tls" / "ca.crt")
    mounted = dict.fromkeys(("redis-tls", "postgres-tls", "models"), tmp_path / "tls")
    made = {
        name: make_pod(cluster, name, spec_of(manifests, name), mounted=mounted)
        for name in ("migrate", "gpu")
    }
    migrated = made["migrate"].run()

    assert migrated.returncode == 0, migrated.stderr
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert not made["gpu"].probe(probe)
