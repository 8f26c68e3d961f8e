"""A worker that cannot start takes nothing else down."""

import os
from pathlib import Path

import pytest

from tests.acceptance.own_service import own_service


@pytest.mark.nightly
def test_a_worker_that_cannot_start_leaves_the_rest_up_and_its_reason_is_told(
    tmp_path: Path, checkpoint: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'worker.gpu' in sys.orig_argv:\n"
        "    sys.exit('error: no card is in this machine')\n"
    )
    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}".rstrip(":")
    with own_service({"PYTHONPATH": path}) as lame:
        lame.launch()

        def words() -> str:
            with_reason: str = (
                lame.client.get("/readyz").json()["checks"].get("gpu", "")
            )
            return with_reason if "no card" in with_reason else ""

        lame.wait_until(lambda: bool(lame.shown), "the API is up")
        lame.wait_until(words, "/readyz tells why")
        lame.wait_until(
            lambda: len([line for line in lame.said if "gpu worker ended" in line]) > 2,
            "it has been tried a third time",
        )

        assert "no card is in this machine" in words()
        assert lame.get("/videos")["items"] == []
