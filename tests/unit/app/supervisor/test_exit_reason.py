"""Why a process ended: its true last error, not a line that happens to say error."""

import pytest

from app.supervisor.exit_reason import describe_exit, exit_reason, last_error

TRACEBACK = """
Traceback (most recent call last):
  File "worker/gpu.py", line 9, in <module>
    raise ValueError("first")
ValueError: first

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "worker/gpu.py", line 12, in <module>
    import packaging
ModuleNotFoundError: No module named 'packaging'
""".splitlines()


def test_an_exit_is_named_by_its_signal_or_its_code() -> None:
    assert describe_exit(-9) == "signal 9"
    assert describe_exit(1) == "exit code 1"


def test_the_last_exception_of_a_traceback_is_the_reason() -> None:
    stray = "2026-11-26 [info     ] retries on error [kombu]"

    lines = [stray, *TRACEBACK, "2026-11-26 [warning  ] 1 error was ignored"]

    assert last_error(lines) == "ModuleNotFoundError: No module named 'packaging'"


def test_lines_of_other_threads_do_not_break_a_traceback() -> None:
    lines = [TRACEBACK[0], *TRACEBACK[1:4], "2026-11-26 [info     ] swept"]

    assert last_error([*lines, "ValueError: second"]) == "ValueError: second"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("error: no database: set TOUCHLINE_DATABASE_URL", "no database: set "),
        ("2026-11-26 14:30 UTC [7] PANIC:  could not write", "PANIC:  could not write"),
        ("2026-11-26 14:30 UTC [7] FATAL:  lock file exists", "FATAL:  lock file"),
        ("2026 [critical ] Unrecoverable: gone [celery]", "Unrecoverable: gone"),
        ('{"level": "critical", "event": "no broker"}', "no broker"),
        (
            '{"level": "error", "event": "x", "exception": '
            '[{"exc_type": "OSError", "exc_value": "gone"}]}',
            "OSError: gone",
        ),
    ],
)
def test_a_last_word_is_found_among_later_lines(line: str, reason: str) -> None:
    found = last_error(["starting", line, "LOG:  the server is shut down", "{ bye"])

    assert found is not None
    assert found.startswith(reason)


def test_what_merely_was_logged_yields_to_the_end_of_a_traceback() -> None:
    lines = [*TRACEBACK, "2026 [error    ] Application startup failed. Exiting."]

    assert last_error(lines) == "ModuleNotFoundError: No module named 'packaging'"


def test_without_any_error_the_last_line_is_all_there_is() -> None:
    assert last_error(["one", "two"]) == "two"
    assert last_error([]) is None


def test_a_killed_process_is_not_blamed_on_an_earlier_line() -> None:
    assert exit_reason(-9, TRACEBACK) is None
    assert exit_reason(0, TRACEBACK) is None
    assert exit_reason(-6, ["PANIC:  full", ""]) == "PANIC:  full"


def test_a_reason_is_never_longer_than_a_few_lines() -> None:
    assert len(last_error(["error: " + "x" * 10_000]) or "") <= 300
