"""A disk that is full stops the service for as long as it is full."""

from pathlib import Path

import psycopg
import pytest

from app.core.db.locate import running_url
from tests.acceptance.own_service import own_service
from tests.acceptance.running import RunningService

DISK_BYTES = 400 * 2**20


@pytest.mark.nightly
def test_a_full_disk_ends_nothing_for_good(checkpoint: Path, match: Path) -> None:
    environment = {
        "TOUCHLINE_MIN_FREE_SPACE": "0",
        "TOUCHLINE_MODEL": "tiny",
        "TOUCHLINE_API_PROCESSES": "2",
    }
    with own_service(environment, disk=DISK_BYTES, checkpoint=checkpoint) as small:
        small.start()
        video_id = small.upload(match)["id"]
        assert small.wait_for_end(video_id)["status"] == "succeeded"
        events = small.get(f"/videos/{video_id}/events")
        ballast = small.data_dir / "ballast"
        fill(ballast)
        write_log_until_the_database_ends(small)

        ballast.unlink()

        small.wait_until(small.is_ready, "the service has recovered")
        assert small.get(f"/videos/{video_id}/events") == events
        again = small.upload(match)["id"]
        assert small.wait_for_end(again)["status"] == "succeeded"


def write_log_until_the_database_ends(service: RunningService) -> None:
    """Use up the room that Postgres still has in its write-ahead log."""
    url = running_url(service.data_dir)
    assert url is not None

    def has_ended() -> bool:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "select pg_logical_emit_message(false, 'ballast', 'x'),"
                    " pg_switch_wal()"
                )
        except psycopg.Error:
            pass
        ends = [line for line in service.said if "Postgres ended" in line]
        return len(ends) > 1

    service.wait_until(has_ended, "Postgres has ended, and ended again")


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(2**20)):
                pass
        except OSError:
            return
