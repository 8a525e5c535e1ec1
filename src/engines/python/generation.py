"""
One generation of kernels at a time: the lock that a zygote and all its kernels hold, and how the next zygote comes
by it when an earlier server died.
"""

from __future__ import annotations

import fcntl
import os
import time

from sojourn_kernel import processes

LOCK_WAIT_S = 10.0
# What an earlier zygote gets to end by itself.
LOCK_PATIENCE_S = 3.0


def take_lock(path):
    """
    Waits until no kernel of an earlier server lives: they all hold this lock, and are killed when they do not
    end by themselves. Returns (descriptor, taken).
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    started = time.monotonic()
    deadline = started + LOCK_WAIT_S
    next_kill = started + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b'%d\n' % os.getpid(), 0)
            return descriptor, True
        except OSError:
            now = time.monotonic()
            if now > deadline:
                return descriptor, False
            if now > next_kill:
                kill_holders(descriptor)
                next_kill = now + LOCK_PATIENCE_S
            time.sleep(0.02)


def kill_holders(descriptor):
    """
    Kills the zygote of a dead server, which may be stopped and cannot end by itself, with all below it. Known
    by two signs, because whoever can write to the lock file could write any number into it: the file is open
    there, and the command is a zygote's, which its kernels inherit.
    """
    table = processes.table()
    for pid in table:
        if pid != os.getpid() and is_zygote(pid) and holds(pid, os.fstat(descriptor)):
            family = processes.descendants(table, pid)
            processes.kill_quietly(pid)
            for member in family:
                processes.kill_quietly(member)


def is_zygote(pid):
    try:
        with open('/proc/%d/cmdline' % pid, 'rb') as file:
            return any(os.path.basename(word) == b'zygote.py' for word in file.read().split(b'\0'))
    except OSError:
        return False


def holds(pid, lock):
    folder = '/proc/%d/fd/' % pid
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    for name in names:
        try:
            found = os.stat(folder + name)
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (lock.st_dev, lock.st_ino):
            return True
    return False
