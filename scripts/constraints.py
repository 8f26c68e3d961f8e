"""Print the version of each package that Touchline and its extras need, as installed.

    make constraints     writes constraints.txt, which make, Docker and CI install by

Only what pyproject.toml leads to is listed: whatever else somebody installed into the
development environment stays out.
"""

import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEAD = """\
# The versions that Touchline is tested with, of everything it may install; a package
# listed here but not needed on a machine is not installed there. Written by
# `make constraints` from .venv-dev: upgrade packages there, test, write this anew.
"""


def main() -> None:
    """Print constraints.txt; fails if anything is missing here."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *chain.from_iterable(extras)]
    try:
        lines = sorted(set(pins(wanted)))
    except PackageNotFoundError as exc:
        sys.exit(f"{exc.name} is not installed here: run `make dev` first")
    sys.stdout.write(HEAD + "".join(f"{line}\n" for line in lines))


def pins(wanted: list[str]) -> Iterator[str]:
    """Pin the packages that these requirements lead to."""
    to_do = [(Requirement(text), "") for text in wanted]
    seen = set()
    while to_do:
        requirement, parent_extra = to_do.pop()
        marker = requirement.marker
        if marker is not None and not marker.evaluate({"extra": parent_extra}):
            continue
        for extra in {"", *requirement.extras}:
            name = canonicalize_name(requirement.name)
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            found = distribution(name)
            if name != "touchline":
                yield f"{name}=={found.version}"
            to_do += [(Requirement(text), extra) for text in found.requires or ()]


if __name__ == "__main__":
    main()
