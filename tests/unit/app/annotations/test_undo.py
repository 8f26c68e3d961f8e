"""Walking back and forth among one's own steps."""

from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from app.annotations.undo import Walk


@settings(derandomize=True, database=None, max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["do", "undo", "redo"]), max_size=40))
def test_the_log_tells_what_an_editor_with_two_stacks_would(words: list[str]) -> None:
    log: list[tuple[UUID, UUID | None]] = []
    done: list[int] = []  # changes that hold, by number
    undone: list[int] = []
    inverted: dict[int, UUID] = {}  # the last step that did or undid a change
    for number, word in enumerate(words):
        walk = Walk.of(log)
        assert (len(walk.can_undo), len(walk.can_redo)) == (len(done), len(undone))
        step_id = uuid4()
        if word == "do":
            log.append((step_id, None))
            done.append(number)
            undone.clear()
            inverted[number] = step_id
            continue
        stack, other = (done, undone) if word == "undo" else (undone, done)
        if not stack:
            continue
        change = stack.pop()
        other.append(change)
        last = (walk.can_undo if word == "undo" else walk.can_redo)[-1]
        assert last == inverted[change]
        log.append((step_id, last))
        inverted[change] = step_id
