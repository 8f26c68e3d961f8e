"""What Touchline is made of: known vulnerabilities, licences, a bill of materials.

    make audit     warns of packages in constraints.txt with known vulnerabilities, and
                   of licences that whoever passes Touchline on should read
    make sbom      writes build/sbom.json (CycloneDX) of what `make serve` installs

pip-audit and cyclonedx-py have an environment of their own, so that what they need is
not among what they look at. `audit` never fails: it warns, also where it cannot ask.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

TOOLS = ("pip-audit==2.10.1", "cyclonedx-bom==7.5.0")
CONSTRAINTS = Path("constraints.txt")
SBOM = Path("build/sbom.json")
WAIT_S = 300

# Licences that ask for no more than a notice. Names as SPDX, classifiers and packages
# that follow neither have them.
FREE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|PSFL?-2|Unlicense|"
    r"Zlib|HPND|MPL|Mozilla Public|CC0|Public Domain|BSL-1|Boost)",
    re.IGNORECASE,
)
BOUND = re.compile(r"\b(A?GPL|LGPL|GNU|Proprietary|NVIDIA|EULA|SSPL)", re.IGNORECASE)


class CannotAsk(Exception):
    """A tool cannot be had, or did not answer."""


def main() -> int:
    """Do what is asked; 1 only if a bill of materials cannot be made."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("verb", choices=["audit", "sbom"])
    parser.add_argument("--tools", type=Path, default=Path(".venv-audit"))
    parser.add_argument("--of", type=Path, help="the environment of the bill")
    given = parser.parse_args()
    if given.verb == "sbom":
        try:
            write_sbom(given.tools, given.of or Path(sys.prefix))
        except CannotAsk as exc:
            _say(f"no bill of materials: {exc}")
            return 1
        _say(f"wrote {SBOM}")
        return 0
    pins = list(pinned(CONSTRAINTS.read_text()))
    for line in licence_warnings(pins):
        _say(f"warning: {line}")
    try:
        told = ask_pip_audit(given.tools)
    except CannotAsk as exc:
        _say(f"warning: nobody was asked for known vulnerabilities: {exc}")
        return 0
    for line in vulnerability_warnings(told):
        _say(f"warning: {line}")
    return 0


def pinned(text: str) -> Iterator[str]:
    """Give the names of the packages that constraints pin."""
    for line in text.splitlines():
        name, is_pin, _ = line.partition("==")
        if is_pin and not line.startswith("#"):
            yield name.strip()


def licence_of(found: Distribution) -> str:
    """Tell a package's licence as it states it: an expression, else classifiers."""
    metadata = found.metadata
    classifiers = [
        one.rpartition(" :: ")[2]
        for one in metadata.get_all("Classifier") or ()
        if one.startswith("License ::") and one != "License :: OSI Approved"
    ]
    expression, stated = (
        metadata[name].strip() if name in metadata else ""
        for name in ("License-Expression", "License")
    )
    return expression or ", ".join(classifiers) or stated.partition("\n")[0][:80]


def licence_warnings(names: list[str]) -> Iterator[str]:
    """Name the packages whose licence is unknown or asks for more than a notice."""
    absent = 0
    for name in names:
        try:
            licence = licence_of(distribution(name))
        except PackageNotFoundError:
            absent += 1
            continue
        if not licence:
            yield f"{name} states no licence"
        elif BOUND.search(licence) or not FREE.search(licence):
            yield f"{name} is under {licence}"
    if absent:
        yield f"{absent} of {len(names)} packages are not installed here: not looked at"


def vulnerability_warnings(told: dict[str, Any]) -> Iterator[str]:
    """Read pip-audit's answer; say also what it did not look at."""
    skipped = []
    for one in told["dependencies"]:
        if "skip_reason" in one:
            skipped.append(str(one["name"]))
        for found in one.get("vulns", ()):
            fixed = ", ".join(found.get("fix_versions", ())) or "no release yet"
            yield f"{one['name']} {one['version']}: {found['id']}, mended by {fixed}"
    if skipped:
        yield (
            f"the index knows nothing of {len(skipped)} of {len(told['dependencies'])} "
            f"packages, so they were not looked at: {', '.join(skipped[:5])}..."
        )


def ask_pip_audit(tools: Path) -> dict[str, Any]:
    """Have pip-audit ask for every pin.

    Raises:
        CannotAsk: it cannot be installed, or the index does not answer.
    """
    done = _run(
        _tool(tools, "pip-audit"),
        *("--requirement", str(CONSTRAINTS), "--disable-pip", "--no-deps"),
        *("--format", "json", "--progress-spinner", "off"),
    )
    try:
        told = json.loads(done.stdout)
        return {"dependencies": list(told["dependencies"])}
    except (ValueError, KeyError, TypeError) as exc:
        raise CannotAsk(_last_line(done.stderr)) from exc


def write_sbom(tools: Path, environment: Path) -> None:
    """Write what is installed in an environment.

    Raises:
        CannotAsk: the tool cannot be installed, or fails.
    """
    SBOM.parent.mkdir(exist_ok=True)
    done = _run(
        *(_tool(tools, "cyclonedx-py"), "environment", str(environment)),
        *("--pyproject", "pyproject.toml", "--output-reproducible"),
        *("--output-format", "JSON", "--output-file", str(SBOM)),
    )
    if done.returncode:
        raise CannotAsk(_last_line(done.stderr))


def _tool(tools: Path, name: str) -> str:
    """Give a tool's program; installs both if they are not those wanted."""
    stamp = tools / "tools.txt"
    wanted = "\n".join(TOOLS)
    if not stamp.is_file() or stamp.read_text() != wanted:
        python = str(tools / "bin" / "python")
        for command in (
            (sys.executable, "-m", "venv", str(tools)),
            (python, "-m", "pip", "install", "--quiet", *TOOLS),
        ):
            done = _run(*command)
            if done.returncode:
                raise CannotAsk(_last_line(done.stderr))
        stamp.write_text(wanted)
    return str(tools / "bin" / name)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=WAIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise CannotAsk(str(exc)) from exc


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else "it said nothing"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
