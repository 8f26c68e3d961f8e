"""What is said of the packages that Touchline is made of."""

import subprocess
import sys
from email.message import Message
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

from scripts.supply_chain import (
    licence_of,
    licence_warnings,
    pinned,
    vulnerability_warnings,
)

ROOT = Path(__file__).parents[3]


def package(folder: Path, **members: str) -> Distribution:
    message = Message()
    for name, value in {"Name": "made", "Version": "1", **members}.items():
        message[name.replace("_", "-")] = value
    info = folder / "made-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(message.as_string())
    return PathDistribution(info)


def test_pins_are_read_without_comments() -> None:
    assert list(pinned("# a==1\nav==18.1\n\ntorch==2.13\n")) == ["av", "torch"]


@pytest.mark.parametrize(
    ("members", "licence"),
    [
        ({"License_Expression": "MIT", "License": "other"}, "MIT"),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, "BSD License"),
        ({"License": "GPL-3.0\nwith a long text"}, "GPL-3.0"),
        ({}, ""),
    ],
)
def test_a_licence_is_what_the_package_states(
    tmp_path: Path, members: dict[str, str], licence: str
) -> None:
    assert licence_of(package(tmp_path, **members)) == licence


def test_what_asks_for_more_than_a_notice_is_named() -> None:
    told = list(licence_warnings(["psycopg", "pytest", "no-such-package"]))

    assert any("psycopg is under" in one and "LGPL" in one for one in told), told
    assert not any(one.startswith("pytest") for one in told)
    assert told[-1].startswith("1 of 3 packages are not installed")


def test_vulnerabilities_and_what_was_not_looked_at_are_told() -> None:
    found = {"id": "PYSEC-1", "fix_versions": ["2.0"]}
    told = {
        "dependencies": [
            {"name": "sound", "version": "1", "vulns": []},
            {"name": "holed", "version": "1", "vulns": [found]},
            {"name": "odd", "skip_reason": "not found"},
        ]
    }

    assert list(vulnerability_warnings(told)) == [
        "holed 1: PYSEC-1, mended by 2.0",
        "the index knows nothing of 1 of 3 packages, so they were not looked at: "
        "odd...",
    ]


def test_without_its_tools_an_audit_warns_and_does_not_fail(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.write_text("a file where the environment should be")

    done = subprocess.run(
        (sys.executable, "scripts/supply_chain.py", "audit", "--tools", str(tools)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "nobody was asked for known vulnerabilities" in done.stdout
