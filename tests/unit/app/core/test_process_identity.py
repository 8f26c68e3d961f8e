"""A process is known again, and known to be dead once it is."""

import subprocess
import sys
from dataclasses import replace

from app.core.process_identity import ProcessIdentity


def test_this_process_is_alive_and_known_by_its_text() -> None:
    own = ProcessIdentity.current()

    assert not own.is_dead
    assert ProcessIdentity.parse(str(own)) == own
    assert ProcessIdentity.of(own.pid) == own


def test_a_process_that_ended_is_dead_even_before_it_is_reaped() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = ProcessIdentity.of(process.pid)
    assert found is not None
    deaths = [found.is_dead]

    process.kill()
    while ProcessIdentity.of(process.pid) is not None:
        pass

    deaths.append(found.is_dead)
    process.communicate()
    deaths.append(found.is_dead)
    assert deaths == [False, True, True]


def test_another_process_under_the_same_number_is_not_taken_for_it() -> None:
    earlier = replace(ProcessIdentity.current(), started="1")

    assert earlier.is_dead


def test_nothing_is_said_of_a_process_of_another_machine() -> None:
    elsewhere = replace(ProcessIdentity.current(), machine="elsewhere/1", started="1")

    assert not elsewhere.is_dead


def test_a_container_that_was_started_anew_is_known_by_its_host_name() -> None:
    own = ProcessIdentity.current()
    host = own.machine.partition("/")[0]

    assert replace(own, machine=f"{host}/1").is_of_earlier_container
    assert not replace(own, machine="elsewhere/1").is_of_earlier_container
    assert not own.is_of_earlier_container


def test_other_text_names_no_process() -> None:
    assert ProcessIdentity.parse("gpu@host") is None
    assert ProcessIdentity.parse("host/x/1") is None
