"""The seccomp filter of each processor, run as the kernel runs it."""

import re
import struct
from pathlib import Path

import pytest

from model.video import linux, seccomp
from tests.unit.model.video.sandbox_attempts import RAW_CALLS

NAMES_OF_CALLS = {
    0: Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    1: Path("/usr/include/asm-generic/unistd.h"),
}


def answer_of(program: list[bytes], machine: int, number: int, *arguments: int) -> int:
    """Run a seccomp filter as the kernel does; return its errno, 0 if it allows."""
    data = struct.pack("=iIQ6Q", number, machine, 0, *(*arguments, *[0] * 6)[:6])
    at = value = 0
    while True:
        code, on_true, on_false, operand = struct.unpack("=HBBI", program[at])
        at += 1
        if code == 0x20:
            value = struct.unpack_from("=I", data, operand)[0]
        elif code == 0x54:
            value &= operand
        elif code in (0x15, 0x35):
            holds = value == operand if code == 0x15 else value >= operand
            at += on_true if holds else on_false
        else:
            assert code == 0x06
            return 0 if operand == 0x7FFF0000 else operand & 0xFFFF


THREAD_OF_GLIBC = 0x3D0F00
FORK_OF_GLIBC = 0x01200011


@pytest.mark.parametrize(
    ("machine", "arch", "column"),
    [("x86_64", 0xC000003E, 0), ("aarch64", 0xC00000B7, 1)],
)
def test_the_filter_of_each_processor_allows_its_own_calls_alone(
    machine: str, arch: int, column: int
) -> None:
    program = seccomp.filter_of(machine, own_pid=77)

    def ask(numbers: tuple[int | None, ...], *arguments: int) -> int:
        number = numbers[column]
        assert number is not None
        return answer_of(program, arch, number, *arguments)

    for numbers in seccomp.ALLOWED.values():
        if numbers[column] is not None:
            assert ask(numbers) == 0
    eperm, enosys = 1, 38
    assert ask((56, 220), THREAD_OF_GLIBC) == 0
    assert ask((56, 220), FORK_OF_GLIBC) == eperm
    assert ask((56, 220), THREAD_OF_GLIBC | 0x40000000) == eperm  # A new network.
    assert ask((435, 435)) == enosys  # clone3: the C library then takes clone.
    assert ask((234, 131), 77, 78) == 0
    assert ask((234, 131), 1, 1) == eperm
    assert ask((302, 261), 0) == 0
    assert ask((302, 261), 1) == eperm
    assert ask((157, 167), linux.PR_SET_NAME) == 0
    assert ask((157, 167), linux.PR_SET_PDEATHSIG) == eperm
    assert ask((72, 25), 3, 1030) == 0
    assert ask((72, 25), 3, 8) == eperm  # F_SETOWN sends signals to others.
    assert ask((257, 56)) == ask((41, 198)) == ask((59, 221)) == eperm
    assert answer_of(program, 0x40000003, 0) == eperm  # A 32-bit call.
    assert answer_of(program, arch, 0x40000000) == enosys  # The x32 table.


@pytest.mark.parametrize("column", NAMES_OF_CALLS)
def test_the_numbers_are_those_of_the_kernels_headers(column: int) -> None:
    header = NAMES_OF_CALLS[column]
    if not header.exists():
        pytest.skip(f"no {header.name} here")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    known = {name: int(number) for name, number in found}
    known.setdefault("newfstatat", known.get("fstatat", -1))

    for name, numbers in {**seccomp.ALLOWED, **RAW_CALLS}.items():
        assert numbers[column] in (None, known.get(name)), name
