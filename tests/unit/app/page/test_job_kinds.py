"""The page's own lists of kinds of jobs hold what the registry holds."""

import re
from pathlib import Path

import app
from app.jobs.kinds import KINDS

STATIC = Path(app.__file__).parent / "page" / "static"


def test_the_library_follows_every_kind_that_speaks_for_a_video() -> None:
    source = (STATIC / "library" / "store.js").read_text()

    (listed,) = re.findall(r"const SPEAKING = \[(.*)\];", source)

    speaking = {str(kind) for kind, spec in KINDS.items() if spec.speaks_for_video}
    assert set(re.findall(r'"(\w+)"', listed)) == speaking


def test_what_a_job_that_waits_is_shown_to_do_has_words() -> None:
    source = (STATIC / "video" / "words.js").read_text()

    (listed,) = re.findall(r"const STAGES = \{(.*?)\};", source, re.DOTALL)

    stages = {spec.stage for spec in KINDS.values() if spec.stage is not None}
    assert stages <= set(re.findall(r"(\w+):", listed))
