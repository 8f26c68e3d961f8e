"""Seccomp: the kernel answers only those system calls that decoding needs.

A list of what is allowed, not of what is denied: nothing can be forgotten, and calls
that newer kernels bring are denied too. A denied call fails and ends nothing.

Source: the kernel's tables, arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h (aarch64).
"""

import ctypes
import errno
import os
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from model.video import linux

_COLUMNS = {"x86_64": 0, "aarch64": 1}
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP = {"x86_64": 317, "aarch64": 277}

_SET_FILTER = 1
_ALL_THREADS = 1
_SPECULATE = 4  # Else kernels before 5.16 slow the whole process down.

_FIRST_NEW_CALL = 424
"""Since Linux 5.1 numbers are the same everywhere. Libraries try these calls, such as
clone3, and take an older one if the kernel says that it does not have them."""

_Numbers = tuple[int | None, int | None]

ALLOWED: Mapping[str, _Numbers] = {
    # Memory.
    "brk": (12, 214),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    # Descriptors that are open already. None can be opened by name.
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "newfstatat": (262, 79),  # How some C libraries write fstat.
    "statx": (332, 291),
    "close": (3, 57),
    "dup": (32, 23),
    "fadvise64": (221, 223),
    "select": (23, None),
    "pselect6": (270, 72),
    "poll": (7, None),
    "ppoll": (271, 73),
    # Threads.
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "get_robust_list": (274, 100),
    "rseq": (334, 293),
    "set_tid_address": (218, 96),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "membarrier": (324, 283),
    "getcpu": (309, 168),
    "arch_prctl": (158, None),
    "gettid": (186, 178),
    "exit": (60, 93),
    # This process: its signals, its end, and what it is.
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "exit_group": (231, 94),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "times": (100, 153),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "getrandom": (318, 278),
    # Time.
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
}

SOCKETS: Mapping[str, _Numbers] = {
    "connect": (42, 203),
    "accept": (43, 202),
    "accept4": (288, 242),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "shutdown": (48, 210),
    "bind": (49, 200),
    "listen": (50, 201),
    "getsockname": (51, 204),
    "getpeername": (52, 205),
    "setsockopt": (54, 208),
    "getsockopt": (55, 209),
}
"""Beside those, for a process with a network of its own; `socket` has a condition."""


class _Condition(NamedTuple):
    """Allows a call if the argument, masked, has one of the values (32 bits)."""

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF


_THREAD = 0x00010100  # CLONE_THREAD and CLONE_VM: no other process.
_NAMESPACES = 0x7E020000
_DUPLICATE_OR_FLAGS = (0, 1, 2, 3, 4, 1030)  # F_DUPFD to F_SETFL, F_DUPFD_CLOEXEC


_SOCKET: _Numbers = (41, 198)
_OF_IPV4 = _Condition(0, (2,))
_OF_TCP = _Condition(1, (1,), 0xF)


def _conditional(own_pid: int) -> Mapping[_Numbers, _Condition]:
    names = (linux.PR_SET_NAME, linux.PR_GET_NAME, linux.PR_SET_VMA)
    return {
        (56, 220): _Condition(0, (_THREAD,), _THREAD | _NAMESPACES),  # clone
        (72, 25): _Condition(1, _DUPLICATE_OR_FLAGS),  # fcntl
        (157, 167): _Condition(0, names),  # prctl
        (302, 261): _Condition(0, (0,)),  # prlimit64, of this process
        (234, 131): _Condition(0, (own_pid,)),  # tgkill
    }


def deny_unlisted_calls(*, sockets: bool = False) -> None:
    """Let the kernel refuse this process every call that is not allowed, for good.

    The process must have given up new privileges (`PR_SET_NO_NEW_PRIVS`).

    Args:
        sockets: allow those of IPv4, for a process with a network of its own.

    Raises:
        OSError: the kernel has no seccomp filters, or the processor is another.
    """
    machine = linux.machine()
    if machine not in _COLUMNS:
        raise OSError(errno.ENOTSUP, "no list of calls for this processor")
    program = _Program(filter_of(machine, own_pid=os.getpid(), sockets=sockets))
    number, argument = _SECCOMP[machine], ctypes.byref(program)
    for flags in (_ALL_THREADS | _SPECULATE, _ALL_THREADS):
        try:
            linux.call("syscall", number, _SET_FILTER, flags, argument)
        except OSError as exc:
            if exc.errno != errno.EINVAL or not flags & _SPECULATE:
                raise
        else:
            return


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    def __init__(self, instructions: Sequence[bytes]) -> None:
        super().__init__(len(instructions), b"".join(instructions))


_LOAD, _AND, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16  # In struct seccomp_data.


def filter_of(machine: str, *, own_pid: int, sockets: bool = False) -> list[bytes]:
    """Write the filter in the kernel's BPF: a chain of tests, each with its answer.

    Args:
        machine: a processor that has a list, as `linux.machine` names it.
        own_pid: the process that signals may go to.
        sockets: allow those of IPv4, too.
    """
    column = _COLUMNS[machine]
    allow = _instruction(_RETURN, 0x7FFF0000)
    refuse = _instruction(_RETURN, 0x00050000 | errno.EPERM)
    unknown = _instruction(_RETURN, 0x00050000 | errno.ENOSYS)
    chain = [
        _instruction(_LOAD, _ARCH_AT),
        _instruction(_IF_EQUAL, _AUDIT_ARCH[machine], on_true=1),
        refuse,  # A call by the table of another processor (32-bit).
        _instruction(_LOAD, _NUMBER_AT),
        _instruction(_IF_AT_LEAST, _FIRST_NEW_CALL, on_false=1),
        unknown,
    ]
    for numbers in {**ALLOWED, **(SOCKETS if sockets else {})}.values():
        number = numbers[column]
        if number is not None:
            chain += [_instruction(_IF_EQUAL, number, on_false=1), allow]
    if sockets:
        # The first condition's answer is to go on, past the refusal.
        first, last = _tests_of(_OF_TCP, allow)[:-1], _tests_of(_OF_IPV4, allow)
        tests = [*first[:-1], _instruction(_IF_EQUAL, 1, on_true=1), refuse]
        tests += [*last, refuse]
        number = _SOCKET[column]
        if number is not None:
            chain += [_instruction(_IF_EQUAL, number, on_false=len(tests)), *tests]
    for numbers, condition in _conditional(own_pid).items():
        number = numbers[column]
        if number is not None:
            tests = [*_tests_of(condition, allow), refuse]
            chain += [_instruction(_IF_EQUAL, number, on_false=len(tests)), *tests]
    return [*chain, refuse]


def _tests_of(condition: _Condition, allow: bytes) -> list[bytes]:
    low_half_at = _ARGUMENTS_AT + 8 * condition.argument  # Both are little-endian.
    tests = [
        _instruction(_LOAD, low_half_at),
        _instruction(_AND, condition.mask),
    ]
    for value in condition.values:
        tests += [_instruction(_IF_EQUAL, value, on_false=1), allow]
    return tests


def _instruction(
    code: int, value: int, *, on_true: int = 0, on_false: int = 0
) -> bytes:
    """Write one instruction; a jump skips so many of those that follow."""
    return struct.pack("=HBBI", code, on_true, on_false, value)
