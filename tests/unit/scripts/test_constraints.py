"""constraints.txt holds a version of whatever may be installed, and nothing else."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    parts = (line.partition("==") for line in lines if not line.startswith("#"))
    return {name: version for name, _, version in parts}


def test_every_declared_dependency_is_pinned_within_its_bounds(
    pinned: dict[str, str],
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    declared = [Requirement(text) for text in project["dependencies"]]
    declared += [Requirement(text) for extra in extras for text in extra]

    others = [one for one in declared if one.name != "touchline"]
    assert others
    for one in others:
        assert pinned[canonicalize_name(one.name)] in one.specifier, one


def test_lines_are_names_and_versions_without_urls(pinned: dict[str, str]) -> None:
    for name, version in pinned.items():
        assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", name)
        assert re.fullmatch(r"[0-9][0-9a-z.]*", version)


def test_what_the_redis_client_of_the_broker_needs_is_pinned(
    pinned: dict[str, str],
) -> None:
    assert {"redis", "packaging", "kombu"} <= pinned.keys()


def test_what_pyproject_leads_to_is_all_pinned_and_no_stray_is_listed(
    pinned: dict[str, str],
) -> None:
    listed = subprocess.run(
        [sys.executable, "scripts/constraints.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout

    names = {line.split("==")[0] for line in listed.splitlines() if line[0] != "#"}
    assert names <= pinned.keys()  # less, where no card's libraries are installed
    assert "touchline" not in names
    assert "pip" not in names
