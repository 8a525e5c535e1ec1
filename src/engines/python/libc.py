"""The C library, opened once by the zygote: for what Python's own modules have no function for."""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
# Called without letting go of the interpreter.
_holding = ctypes.PyDLL(None)


def checked(result: int, what: str) -> int:
    """The result of a call that has just come back. @raises OSError when it failed"""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, '%s: %s' % (what, os.strerror(number)))
    return int(result)


def prctl(option: int, value: int) -> bool:
    """
    False elsewhere than on Linux, and where it is forbidden: a promise is weaker then, and nothing else changes.
    """
    return sys.platform == 'linux' and libc.prctl(option, value, 0, 0, 0) == 0


def bare_fork() -> int:
    """
    Forks without any hook of Python being called: for a process with one thread that was forked just now. -1
    where the machine refuses.
    """
    return int(_holding.fork())
