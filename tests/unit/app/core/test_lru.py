"""What a process remembers is bounded."""

from app.core.lru import WeightedLru


def test_what_was_unused_longest_goes_first() -> None:
    kept: WeightedLru[str, int] = WeightedLru(3)
    for name in ("a", "b", "c"):
        kept.put(name, 1, weight=1)
    kept.get("a")

    kept.put("d", 1, weight=1)

    assert [name for name in "abcd" if kept.get(name)] == ["a", "c", "d"]


def test_a_heavy_value_takes_the_room_of_several() -> None:
    kept: WeightedLru[str, int] = WeightedLru(5)
    for name in ("a", "b", "c", "d"):
        kept.put(name, 1, weight=1)

    kept.put("heavy", 2, weight=4)

    assert [name for name in "abcd" if kept.get(name)] == ["d"]
    kept.put("heavier", 3, weight=50)
    assert (kept.get("heavy"), kept.get("heavier"), len(kept)) == (None, 3, 1)


def test_a_name_put_again_weighs_once() -> None:
    kept: WeightedLru[str, int] = WeightedLru(3)
    for value in range(5):
        kept.put("a", value, weight=2)
    kept.put("b", 1, weight=1)

    assert (kept.get("a"), kept.get("b")) == (4, 1)
