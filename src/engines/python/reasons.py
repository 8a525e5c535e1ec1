"""Why something cannot be stored, as one sentence for a person; and the budget of time that storing has."""

from __future__ import annotations

import re
import signal
import time
from typing import Any

# How long the pickling of one variable may take, in seconds, and that of all: the server waits for a minute.
BUDGET_S = 10.0
WHOLE_BUDGET_S = 40.0
# What one that comes after all is used up still has: most variables need far less.
LEAST_BUDGET_S = 0.2
REASONS = {
    'generator': 'a generator holds a running frame, which cannot be stored',
    'coroutine': 'a coroutine holds a running frame, which cannot be stored',
    'async_generator': 'a generator holds a running frame, which cannot be stored',
    '_io.TextIOWrapper': 'an open file cannot be stored',
    '_io.BufferedReader': 'an open file cannot be stored',
    '_io.BufferedWriter': 'an open file cannot be stored',
    '_io.FileIO': 'an open file cannot be stored',
    '_io.BufferedRandom': 'an open file cannot be stored',
    'TextIOWrapper': 'an open file cannot be stored',
    'BufferedReader': 'an open file cannot be stored',
    'BufferedWriter': 'an open file cannot be stored',
    'socket': 'a socket cannot be stored',
    '_thread.lock': 'a thread lock cannot be stored',
    '_thread.RLock': 'a thread lock cannot be stored',
    'module': 'a module made at run time cannot be stored',
    'frame': 'a running frame cannot be stored',
    'sqlite3.Connection': 'a database connection cannot be stored',
}


class OverBudget(BaseException):
    """Pickling one variable takes too long."""


class Budget:
    """The time that one checkpoint has."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def run(self, work: Any) -> None:
        """Runs on the main thread; code that swallows the alarm is told again each second. @raises OverBudget"""
        left = self._begun + WHOLE_BUDGET_S - time.monotonic()
        _run_within(max(LEAST_BUDGET_S, min(BUDGET_S, left)), work)


def _run_within(seconds: float, work: Any) -> None:

    def ring(number: int, frame: Any) -> None:
        raise OverBudget

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def reason_of(error: BaseException) -> str:
    """One sentence for a person."""
    if isinstance(error, OverBudget):
        return 'storing it took longer than %d s, or all together longer than %d s' % (BUDGET_S, WHOLE_BUDGET_S)
    if isinstance(error, RecursionError):
        return 'it is nested too deeply to be stored'
    if isinstance(error, MemoryError):
        return 'there was not enough memory to store it'
    try:
        text = str(error)[:300]
    except BaseException:  # the error may be the user's too
        text = ''
    known = re.search(r"cannot pickle '([\w.]+)' (?:object|instances)", text)
    if known and known.group(1) in REASONS:
        return REASONS[known.group(1)]
    return 'it cannot be pickled: %s: %s' % (type(error).__name__, text)


def megabytes(size: int) -> str:
    return '%.6g MB' % (size / (1 << 20)) if size >= 1 << 20 else '%d bytes' % size
