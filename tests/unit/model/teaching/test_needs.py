"""What a learning curve says about more data."""

import numpy as np

from model.teaching.needs import CurvePoint, gain_of, needs_of


def test_the_gain_is_that_of_the_power_law_that_the_curve_follows() -> None:
    events = np.array([10.0, 20.0, 40.0])
    error = 0.8 * (events / 10) ** -0.5

    gain = gain_of(events, 1 - error[:, None], more=40)

    assert np.isclose(gain[0], error[-1] - 0.8 * 8**-0.5)


def test_a_flat_or_a_falling_curve_promises_nothing() -> None:
    events = np.array([10.0, 20.0, 40.0])
    ap = np.array([[0.6, 0.7], [0.6, 0.6], [0.6, 0.5]])

    assert gain_of(events, ap, more=40).tolist() == [0.0, 0.0]


# The whole hold-out first, then draws that hardly differ.
OFF = np.array([0.0, *np.linspace(-0.01, 0.01, 11)])


def curve(ap: dict[str, list[float]], events: dict[str, list[int]]) -> list[CurvePoint]:
    """Give the three points of a curve."""
    return [
        CurvePoint(
            share,
            {label: of[number] for label, of in events.items()},
            {label: of[number] + OFF for label, of in ap.items()},
        )
        for number, share in enumerate((0.25, 0.5, 1.0))
    ]


def test_the_type_that_gains_most_comes_first() -> None:
    points = curve(
        {"PASS": [0.9, 0.91, 0.92], "SHOT": [0.2, 0.4, 0.6]},
        {"PASS": [50, 100, 200], "SHOT": [6, 12, 24]},
    )

    needs = needs_of(
        points, ("PASS", "SHOT"), few=10, held_out={"PASS": 60, "SHOT": 12}
    )

    assert [need["type"] for need in needs] == ["SHOT", "PASS"]
    assert needs[0]["more"] == 12
    assert 0 < needs[0]["low"] < needs[0]["gain"] < needs[0]["high"]
    assert needs[0]["text"].startswith(
        "12 more events of SHOT would help: average precision would rise by about 0."
    )
    assert needs[1]["text"].startswith("100 more events of PASS would")


def test_too_few_events_on_the_hold_out_promise_nothing() -> None:
    points = curve({"SHOT": [0.2, 0.4, 0.6]}, {"SHOT": [0, 1, 3]})

    needs = needs_of(points, ("SHOT",), few=10, held_out={"SHOT": 2})

    assert needs[0]["gain"] is None
    assert "cannot be told: 2 of them are held out" in needs[0]["text"]
