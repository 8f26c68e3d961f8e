"""The code of docs/webhooks.md takes our messages and no others."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.webhooks.message_types import FILTERS
from app.webhooks.schemas import (
    CreatedData,
    PingData,
    ReviewData,
    WebhookData,
    WebhookMessage,
)
from app.webhooks.service import JobOutcome, message_body
from app.webhooks.signing import sign
from tests.services import missing
from worker.webhooks.retries import WAITS

GUIDE = (Path(__file__).parents[4] / "docs/webhooks.md").read_text()
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW = "whsec_" + "A" * 43 + "="
BODY = '{"type":"ping","data":{"name":"Müller \\u00e4"}}'.encode()
LINKS = {
    *("video", "events", "timeline", "job", "clip", "file", "training", "reviewed"),
    "live",
}
SECONDS = {"s": 1, "min": 60, "h": 3600}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


def signed(*secrets: str, age_s: int = 0, body: bytes = BODY) -> Mapping[str, str]:
    now = int(time.time()) - age_s
    return sign(*secrets, message_id="msg_1", timestamp_s=now, body=body)


def genuine() -> list[Mapping[str, str]]:
    """Make the headers of messages that are to be read, as of now."""
    return [signed(SECRET), signed(NEW, SECRET), signed(SECRET, NEW)]


def forged() -> list[Mapping[str, str]]:
    """Make the headers of messages that are to be refused."""
    return [
        signed(NEW),
        signed(SECRET, body=b"{}"),
        signed(SECRET, age_s=3600),
        signed(SECRET, age_s=-3600),
        {**signed(SECRET), "webhook-id": "msg_2"},
    ]


@pytest.mark.parametrize("number", range(2))
def test_its_python_reads_what_is_genuine_and_refuses_the_rest(number: int) -> None:
    space: dict[str, Any] = {}
    exec(blocks("python")[number], space)  # our own guide

    for headers in genuine():
        assert space["receive"](SECRET, dict(headers), BODY) == json.loads(BODY)
    for headers in forged():
        with pytest.raises(Exception, match=r"(?i)signature|old|timestamp"):
            space["receive"](SECRET, dict(headers), BODY)


def test_its_javascript_reads_what_is_genuine_and_refuses_the_rest(
    tmp_path: Path,
) -> None:
    node = shutil.which("node") or missing("node")
    (code,) = blocks("js")
    (tmp_path / "receive.mjs").write_text(code)
    (tmp_path / "main.mjs").write_text(
        'import { receive } from "./receive.mjs";\n'
        "const [secret, body, all] = JSON.parse(process.argv[2]);\n"
        "console.log(JSON.stringify(all.map((headers) => {\n"
        "  try { return receive(secret, headers, Buffer.from(body)); }\n"
        "  catch (error) { return String(error.message); }\n"
        "})));\n"
    )
    asked = json.dumps([SECRET, BODY.decode(), [*genuine(), *forged()]])

    done = subprocess.run(
        [node, tmp_path / "main.mjs", asked],
        capture_output=True,
        check=True,
        timeout=60,
    )

    wrong, old = "wrong signature", "too old, or the clocks differ"
    assert json.loads(done.stdout) == [
        *[json.loads(BODY)] * 3,
        *(wrong, wrong, old, old, wrong),
    ]


@pytest.mark.parametrize("subject", ["video", "clip", "training"])
@pytest.mark.parametrize("video_id", [None, UUID(int=1)])
def test_messages_of_jobs_have_the_keys_that_the_document_names(
    subject: str, video_id: UUID | None
) -> None:
    error = {"code": "unreadable_video", "detail": "cut off", "retryable": False}
    subject_id = None if subject == "video" else str(UUID(int=3))
    outcome = JobOutcome(
        *(video_id, UUID(int=2), "failed", {}, error),
        subject=subject,
        subject_id=subject_id,
    )

    body = json.loads(message_body(outcome, base_url="http://h", now=datetime.now(UTC)))

    assert WebhookMessage.model_validate(body).type == f"{subject}.failed"
    assert set(body["data"]) <= set(WebhookData.model_fields)
    assert set(body["data"]["links"]) <= LINKS


def test_it_names_every_key_there_is() -> None:
    named = set(re.findall(r"^\| `(\w+)` \| ", GUIDE, re.MULTILINE))

    fields = {*WebhookData.model_fields, *ReviewData.model_fields}
    fields |= CreatedData.model_fields.keys()
    assert {*fields, *PingData.model_fields} <= named
    (links,) = re.findall(r"by name: (.*?);", GUIDE)
    assert set(re.findall(r"`(\w+)`", links)) == LINKS


def test_it_names_every_type_and_filter_there_is() -> None:
    named = set(re.findall(r"`([a-z]+(?:\.(?:[a-z]+|\*))?|\*)`", GUIDE))

    assert {*FILTERS, "ping"} <= named


def test_its_schedule_is_the_one_in_force() -> None:
    rows = re.findall(r"^\| (\d+) \| (\d+) (s|min|h) \|$", GUIDE, re.MULTILINE)

    waits_s = [int(number) * SECONDS[unit] for _, number, unit in rows]

    assert [int(row[0]) for row in rows] == list(range(2, len(WAITS) + 2))
    assert waits_s == [wait.total_seconds() for wait in WAITS]
