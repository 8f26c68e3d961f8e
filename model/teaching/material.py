"""What a network is taught from and measured on: pieces, segments, hold-out stretches.

Frames and cached features of them are told by the same steps; this holds both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.data.formats.provenance import Span, cut_spans
from model.data.frame_store import StoredMatch
from model.data.labels import Match
from model.errors import BadAnnotations, DecoderError, VideoError
from model.reporter import Reporter
from model.teaching.features import Halves, open_rows
from model.teaching.matches import TeachData, spans_of
from model.teaching.pieces import (
    Frames,
    bytes_needed,
    check_room,
    decoded_end_s,
    known_part,
    prepare_pieces,
)
from model.teaching.segments import (
    Segment,
    mirrored,
    segments_of,
    stretches_of,
)
from model.video.probe import probe_in_child


@dataclass(frozen=True, slots=True)
class Material:
    """The pieces of a data set, and what each part knows of them.

    Attributes:
        pieces: with all that is known; `owners` names the match of each.
        train: the same pieces with what training knows, those without it left out;
            `train_at` says which pieces these are.
        segments: of `train`.
        val: hold-out stretches to stop by, in terms of pieces.
        test: those that are measured beside them at the end.
    """

    pieces: tuple[StoredMatch, ...]
    owners: tuple[str, ...]
    train: tuple[StoredMatch, ...]
    train_at: tuple[int, ...]
    segments: tuple[Segment, ...]
    val: tuple["Stretch", ...]
    test: tuple["Stretch", ...]

    @property
    def names(self) -> list[list[str | int]]:
        """Name the pieces as JSON does: the match of each, and how many steps it has.

        Features are kept by a piece's number, so that they hold for these alone.
        """
        each = zip(self.owners, self.pieces, strict=True)
        return [[owner, len(piece)] for owner, piece in each]

    @property
    def holdout(self) -> tuple["Stretch", ...]:
        """All stretches that nothing is taught from."""
        return self.val + self.test

    def holdout_spans(self) -> dict[str, list[Span]]:
        """Give them by match, in seconds."""
        found: dict[str, list[Span]] = {}
        for stretch in self.holdout:
            times = stretch.piece.time_s
            end_s = float(times[stretch.segment.end - 1])
            step_s = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
            inside = [(float(times[0]), end_s + step_s)]
            spans = cut_spans(stretch.match().labels.reviewed or (), inside)
            found.setdefault(stretch.owner, []).extend(spans)
        return {name: sorted(spans) for name, spans in found.items()}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the hold-out.

    Attributes:
        owner: name of the match.
        piece: that it lies in, with what its part of the split knows.
        segment: which steps of it; its `piece` counts all pieces.
    """

    owner: str
    piece: StoredMatch
    segment: Segment

    def match(self, stored: NDArray[np.generic] | None = None) -> StoredMatch:
        """Give it as a match: with its frames, or with rows of the whole piece."""
        rows = self.piece.frames if stored is None else stored
        name = f"{self.piece.name} from {self.piece.time_s[self.segment.start]:.0f} s"
        shown = rows[self.segment.first : self.segment.until]
        return self.segment.of(self.piece, shown, name=name)


def prepare_material(
    data: TeachData,
    root: Path,
    frames: Frames,
    *,
    reach: int,
    clip_len: int,
    note: Reporter,
    on_share: Callable[[float], None],
) -> tuple[Material, TeachData]:
    """Decode the pieces; a match that cannot be decoded is left out, with a note.

    What is decoded already is taken as it is, be its video there or not.

    Args:
        data: the matches.
        root: folder of the pieces.
        frames: how stretches become pieces.
        reach: steps to each side that the trunk looks at.
        clip_len: steps of a clip.
        note: takes what is left out.
        on_share: called with the share that is done; may raise.

    Returns:
        The material, and the data without what is left out.

    Raises:
        BadAnnotations: nothing is left to teach from or to measure by.
        NoRoom: the disk has none for the frames.
    """
    known: dict[str, tuple[Span, ...]] = {}
    for match in data.matches:
        end_s = decoded_end_s(match, root)
        if end_s is None:
            try:
                end_s = probe_in_child(match.video).duration_s
            except (VideoError, DecoderError, OSError) as exc:
                note(f"left out {match.name}: {exc}")
                continue
        known[match.name] = cut_spans(spans_of(match), [(0.0, end_s)])
    root.mkdir(parents=True, exist_ok=True)
    check_room(root, bytes_needed(known.values(), frames))
    found: dict[str, list[StoredMatch]] = {}
    total = sum(spans[-1][1] for spans in known.values() if spans) or 1.0
    done = 0.0
    for match in data.matches:
        spans = known.get(match.name)
        if not spans:
            continue
        end_s = spans[-1][1]

        def on_step(step: int, last: int, at: float = done, end: float = end_s) -> None:
            on_share((at + end * step / max(1, last)) / total)

        try:
            found[match.name] = prepare_pieces(
                match, spans, root, frames, on_step=on_step
            )
        except (VideoError, DecoderError, BadAnnotations, FileNotFoundError) as exc:
            note(f"left out {match.name}: {exc}")
        done += end_s
    left = _without_missing(data, found)
    return _material(left, found, frames, reach=reach, clip_len=clip_len), left


def _without_missing(data: TeachData, found: dict[str, list[StoredMatch]]) -> TeachData:
    def there(matches: Sequence[Match]) -> tuple[Match, ...]:
        return tuple(match for match in matches if match.name in found)

    left = replace(
        data,
        matches=there(data.matches),
        train=there(data.train),
        val=there(data.val),
        test=there(data.test),
    )
    if not left.train or not (left.val or left.test):
        raise BadAnnotations(
            "No video is left to teach from, or none to measure by: those of the data "
            "set have gone or cannot be decoded. Export the data set again."
        )
    return left


def _material(
    data: TeachData,
    found: dict[str, list[StoredMatch]],
    frames: Frames,
    *,
    reach: int,
    clip_len: int,
) -> Material:
    pieces = [(name, piece) for name, of in found.items() for piece in of]
    owners = tuple(name for name, _ in pieces)

    def part(matches: Sequence[Match]) -> list[tuple[int, StoredMatch]]:
        by_name = {match.name: match for match in matches}
        of_part = [
            (index, known_part(piece, by_name[name]))
            for index, (name, piece) in enumerate(pieces)
            if name in by_name
        ]
        return [(index, piece) for index, piece in of_part if piece.labels.reviewed]

    def stretches(matches: Sequence[Match]) -> tuple[Stretch, ...]:
        of_part = part(matches)
        cut = stretches_of(
            [piece for _, piece in of_part], context=clip_len, hop=frames.hop
        )
        return tuple(
            Stretch(
                owners[of_part[one.piece][0]],
                of_part[one.piece][1],
                replace(one, piece=of_part[one.piece][0]),
            )
            for one in cut
        )

    train = part(data.train)
    known = [piece for _, piece in train]
    val, test = stretches(data.val), stretches(data.test)
    made = Material(
        pieces=tuple(piece for _, piece in pieces),
        owners=owners,
        train=tuple(known),
        train_at=tuple(index for index, _ in train),
        segments=tuple(segments_of(known, clip_len=clip_len, reach=reach)),
        val=val or test,
        test=test if val else (),
    )
    if not made.segments or not made.val:
        raise BadAnnotations(
            "The reviewed stretches for training or for measuring have no frame: they "
            "lie after the end of their video."
        )
    return made


def training_matches(
    material: Material,
    plain: Sequence[Halves],
    copies: Sequence[Path],
    taken: Sequence[int],
    *,
    dim: int,
    is_mirrored: Callable[[int, int], bool],
    twins: Mapping[str, str],
    sides: Sequence[str],
) -> tuple[list[StoredMatch], list[str]]:
    """Give training segments with their cached features, plain and augmented.

    Args:
        material: pieces and segments.
        plain: features of each piece.
        copies: files of the augmented passes.
        taken: indices of the segments to take.
        dim: length of a step's features.
        is_mirrored: whether a copy's segment is, by the copy's number and its index.
        twins: what types are called in a mirror image.
        sides: names of the teams.

    Returns:
        The segments, and the match that each is of.
    """
    chosen = set(taken)
    found: list[StoredMatch] = []
    owners: list[str] = []
    for number, rows in enumerate([None, *(open_rows(path, dim) for path in copies)]):
        at = 0
        for index, segment in enumerate(material.segments):
            piece = material.train[segment.piece]
            place = material.train_at[segment.piece]
            until = at + segment.until - segment.first
            stored = (
                plain[place][segment.first : segment.until]
                if rows is None
                else rows[at:until]
            )
            at = until
            if index not in chosen:
                continue
            one = segment.of(
                piece, stored, name=f"{piece.name} segment {index}.{number}"
            )
            if number and is_mirrored(number, index):
                one = mirrored(one, twins, sides)
            found.append(one)
            owners.append(material.owners[place])
    return found, owners
