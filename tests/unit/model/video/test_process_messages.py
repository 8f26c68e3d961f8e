"""What a decoding process sends is not trusted: numbers are finite, or refused."""

import pytest

from model.errors import DecoderCrashed
from model.video.process import _parsed


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    line = f'{{"kind": "facts", "width": {number}}}'.encode()

    with pytest.raises(DecoderCrashed, match="invalid message"):
        _parsed(line)


def test_other_numbers_are_read_as_they_are() -> None:
    assert _parsed(b'{"a": 1.5e3, "b": -2}') == {"a": 1500.0, "b": -2}
