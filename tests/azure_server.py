"""A real server of Azure's blobs for tests: Azurite, Microsoft's own emulator."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.services import free_port, missing

if TYPE_CHECKING:  # Every process that tests imports this, and few use it.
    from azure.storage.blob import BlobServiceClient

ACCOUNT = "devstoreaccount1"  # Azurite's own, as is its key
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/"
    "KBHBeksoGMGw=="
)
START_TIMEOUT_S = 60.0
MODULES = Path(__file__).parent / "azurite/node_modules"
PROGRAM = MODULES / "azurite/dist/src/blob/main.js"


@dataclass(frozen=True, slots=True)
class AzureOfTests:
    """A running server of blobs.

    Attributes:
        url: without the account, and without a slash at the end.
    """

    url: str

    def fresh_container(self) -> str:
        """Make a container of the caller's own; gives its name."""
        name = f"touchline-{uuid4().hex}"
        with self.client() as client:
            client.create_container(name)
        return name

    def client(self) -> "BlobServiceClient":
        """Give a client of somebody else's: Azure's own."""
        from azure.storage.blob import BlobServiceClient

        return BlobServiceClient(f"{self.url}/{ACCOUNT}", ACCOUNT_KEY, retry_total=0)

    def fresh_address(self) -> str:
        """Make a container of the caller's own; gives its address."""
        return f"az://{self.fresh_container()}"

    def allow_origin(self, address: str, origin: str) -> None:
        """Let pages of an origin send files; a rule of the whole account."""
        from azure.storage.blob import CorsRule

        rule = CorsRule([origin], ["PUT"], allowed_headers=["*"], exposed_headers=["*"])
        with self.client() as client:
            client.set_service_properties(cors=[rule])

    def names(self, address: str) -> tuple[list[str], list[str]]:
        """List the objects of a container, and those that blocks alone are there of."""
        with self.client() as client:
            container = client.get_container_client(address.removeprefix("az://"))
            there = set(container.list_blob_names())
            found = container.list_blobs(include=["uncommittedblobs"])
            return sorted(there), [one.name for one in found if one.name not in there]

    def environment(self) -> dict[str, str]:
        """The standard variables by which a process reaches the server."""
        return {
            "AZURE_STORAGE_USE_EMULATOR": "true",
            "AZURITE_BLOB_STORAGE_URL": self.url,
            "AZURE_STORAGE_ACCOUNT_KEY": ACCOUNT_KEY,
        }


@contextmanager
def running_azure() -> Iterator[AzureOfTests]:
    """Start a server on a free port of this machine; nothing of it is left behind.

    Skips (in CI: fails) where there is no Azurite.
    """
    node = shutil.which("node")
    if node is None or not PROGRAM.exists():
        missing("no Azurite: run scripts/node.sh, which needs node and npm")
    with tempfile.TemporaryDirectory(prefix="touchline-azure-") as name:
        folder, port = Path(name), free_port()
        server = AzureOfTests(f"http://127.0.0.1:{port}")
        command = [node, str(PROGRAM), "--blobHost", "127.0.0.1"]
        command += ["--blobPort", str(port), "--location", str(folder)]
        command += ["--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        with (folder / "azurite.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _wait_until_it_answers(server, process, folder / "azurite.log")
            yield server
        finally:
            process.kill()
            process.wait()


def _wait_until_it_answers(
    server: AzureOfTests, process: "subprocess.Popen[bytes]", log: Path
) -> None:
    from azure.core.exceptions import AzureError

    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"Azurite ended at once: {log.read_text()[-2000:]}")
        try:
            server.fresh_container()
        except AzureError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"Azurite does not answer: {log.read_text()[-2000:]}")
