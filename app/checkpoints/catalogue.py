"""Which checkpoints are installed, read from their manifests alone.

A checkpoint is an uncompressed zip that opens with `manifest.json`; the weights stay
unread here, and `model` is not imported: the API lists what the workers run.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.core.errors import UnknownModel
from app.core.settings import Settings

SUFFIX = ".touchline"
BUNDLED = Path(__file__).resolve().parents[2] / "model" / "checkpoints"
BUNDLED_DEFAULT = "arena-rny002"  # taken where nobody chose; as in `model.library`
CHOICE = "default"  # a file in the user's folder that holds a name
MAX_MANIFEST_BYTES = 2**20
FORMAT, VERSION = "touchline-checkpoint", 1  # as in `model.network.manifest`

# What damaged bytes raise in zipfile and json; no file may take the list down.
_UNREADABLE = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A checkpoint on disk.

    Attributes:
        name: of the file, without its suffix; what users call it.
        manifest: what it says about itself; empty where it cannot be read.
        problem: why it cannot be read; empty if it can.
    """

    name: str
    path: Path
    size_bytes: int
    is_bundled: bool
    is_default: bool
    manifest: Mapping[str, Any]
    problem: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The types of events it finds, in the order of its classes."""
        return tuple(str(label) for label in self.manifest.get("labels", ()))


@dataclass(slots=True)
class Catalogue:
    """The folders checkpoints lie in; a later folder shadows an earlier one.

    Attributes:
        folders: looked at anew for each question, so a copied file is there at once.
        chosen: the operator's own default (a name or a path), before any other; a
            path is listed, wherever it lies.
    """

    folders: Sequence[Path]
    chosen: str | None = None
    _read: dict[tuple[Path, int, int], tuple[Mapping[str, Any], str]] = field(
        default_factory=dict
    )

    def entries(self) -> list[CatalogueEntry]:
        """List the checkpoints by name."""
        known = self._paths()
        default = self._default(known)
        return [
            self._entry(name, path, is_default=name == default)
            for name, path in sorted(known.items())
        ]

    def check(self, name: str) -> None:
        """Make sure that a checkpoint of this name can be used.

        Raises:
            UnknownModel: there is none, or its file is damaged.
        """
        entries = {entry.name: entry for entry in self.entries()}
        if name not in entries:
            known = ", ".join(entries) or "none"
            raise UnknownModel(
                f"No model is called {name!r}; installed are: {known}.",
                models=list(entries),
            )
        if entries[name].problem:
            raise UnknownModel(
                f"The model {name!r} cannot be read: {entries[name].problem}.",
                models=[entry.name for entry in entries.values() if not entry.problem],
            )

    def _paths(self) -> dict[str, Path]:
        known = {path.stem: path for path in self._files()}
        if self.chosen and _is_path(self.chosen) and Path(self.chosen).is_file():
            known[_stem(self.chosen)] = Path(self.chosen)
        return known

    def _files(self) -> Iterator[Path]:
        for folder in self.folders:
            if folder.is_dir():
                yield from sorted(folder.glob(f"*{SUFFIX}"))

    def _default(self, known: Mapping[str, Path]) -> str | None:
        """Choose as `model.library.default_name` does."""
        if self.chosen is not None:
            if _is_path(self.chosen):
                return _stem(self.chosen) if Path(self.chosen).is_file() else None
            return self.chosen if self.chosen in known else None
        kept = self._choice()
        if kept in known:
            return kept
        if BUNDLED_DEFAULT in known:
            return BUNDLED_DEFAULT
        bundled = [path.stem for path in self._files() if path.parent == BUNDLED]
        return min(bundled, default=min(known, default=None))

    def _choice(self) -> str | None:
        try:
            return (self.folders[-1] / CHOICE).read_text(encoding="utf-8").strip()
        except OSError:
            return None

    def _entry(self, name: str, path: Path, *, is_default: bool) -> CatalogueEntry:
        size_bytes, manifest, problem = self._read_once(path)
        return CatalogueEntry(
            name=name,
            path=path,
            size_bytes=size_bytes,
            is_bundled=path.parent == BUNDLED,
            is_default=is_default,
            manifest=manifest,
            problem=problem,
        )

    def _read_once(self, path: Path) -> tuple[int, Mapping[str, Any], str]:
        try:
            facts = path.stat()
        except OSError as exc:  # A link that leads nowhere is listed, too.
            return 0, {}, f"the file cannot be reached ({exc.strerror})"
        key = (path, facts.st_mtime_ns, facts.st_size)
        if key not in self._read:
            self._read[key] = _read_manifest(path)
        return facts.st_size, *self._read[key]


def make_catalogue(settings: Settings) -> Catalogue:
    """Make the catalogue of the bundled checkpoints and the user's own."""
    return Catalogue([BUNDLED, settings.data_dir / "models"], chosen=settings.model)


def _read_manifest(path: Path) -> tuple[Mapping[str, Any], str]:
    """Read a manifest and say what is wrong with it, if anything."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("manifest.json").file_size > MAX_MANIFEST_BYTES:
                return {}, "its manifest is too large"
            manifest = json.loads(archive.read("manifest.json"))
    except _UNREADABLE as exc:
        return {}, f"it is no checkpoint, or damaged ({exc})"
    return (manifest, "") if (problem := _lack(manifest)) is None else ({}, problem)


def _lack(manifest: Any) -> str | None:
    """Say what a manifest lacks of that which is shown; None if nothing."""
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        return "it is no Touchline checkpoint"
    if manifest.get("version") != VERSION:
        return (
            f"it is of version {manifest.get('version')!r}, this Touchline reads "
            f"{VERSION}: update Touchline, or export it again with this one"
        )
    if not isinstance(manifest, dict) or not isinstance(manifest.get("labels"), list):
        return "its manifest lacks labels"
    try:
        options = manifest["spotting"]["labels"]
        thresholds = [
            float(options[label]["threshold"]) for label in manifest["labels"]
        ]
    except (KeyError, TypeError, ValueError, OverflowError):
        return "its manifest lacks the threshold of a label"
    if not all(0 <= one <= 1 for one in thresholds):
        return "a threshold in its manifest is not between 0 and 1"
    parts = [manifest.get(name, {}) for name in ("input", "config", "provenance")]
    if not all(isinstance(part, dict) for part in parts):
        return "its manifest is malformed"
    return None


def _is_path(name_or_path: str) -> bool:
    path = Path(name_or_path)
    return path.suffix == SUFFIX or len(path.parts) > 1 or path.is_file()


def _stem(path: str) -> str:
    return Path(path).name.removesuffix(SUFFIX)
