"""Mutated videos in the true decoding process; `make fuzz` tries more of them."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.media_fuzz.corpus import draw_corpus
from tests.media_fuzz.mutations import MUTATIONS, mutate
from tests.media_fuzz.trial import run_seed

SEEDS = range(25)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    return draw_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.mark.nightly
@pytest.mark.timeout(300)
@pytest.mark.slow
def test_each_is_decoded_or_refused_and_leaves_nothing_behind(
    corpus: Mapping[str, bytes], tmp_path: Path
) -> None:
    outcomes = [run_seed(seed, corpus, tmp_path) for seed in SEEDS]

    faults = {one.seed: (one.name, one.faults) for one in outcomes if one.faults}
    assert not faults, f"python -m tests.media_fuzz --seed N: {faults}"
    assert max(one.peak_bytes for one in outcomes) > 16 << 20  # it is measured
    answers = [one.answers["decode"] for one in outcomes]
    assert answers.count("frames") >= 5, answers  # else nothing reaches the decoders
    assert answers.count("UnreadableVideo") >= 2, answers


def test_a_seed_does_the_same_each_time_and_each_way_does_something(
    corpus: Mapping[str, bytes],
) -> None:
    files = list(corpus.values())

    for name, change in MUTATIONS.items():
        dice = random.Random(name)
        made = [bytes(change(dice, bytearray(one), files)) for one in files]
        assert sum(map(bytes.__ne__, made, files)) > len(files) // 2, name
    again = [mutate(random.Random(7), files[0], files) for _ in range(2)]
    assert again[0] == again[1] != files[0]
