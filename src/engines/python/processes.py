"""The processes of the machine: who descends from whom, who carries a mark, and how to end one."""

import os
import signal

# Short of memory, the machine takes a kernel before the server.
KERNEL_SCORE = 500


def table():
    """pid -> (parent, session) of every process, as the kernel of the machine tells it now."""
    found = {}
    try:
        names = os.listdir('/proc')
    except OSError:
        return found
    for name in names:
        if not name.isdigit():
            continue
        fields = _stat(name)
        if fields:
            found[int(name)] = (int(fields[1]), int(fields[3]))
    return found


def _stat(pid):
    try:
        with open('/proc/%s/stat' % pid, 'rb') as file:
            # The command stands in parentheses and may contain any byte, a parenthesis too.
            return file.read().rpartition(b')')[2].split()
    except OSError:
        return []


def parent_of(pid):
    """0 when it is gone."""
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def started(pid):
    """When it began, in ticks of the machine: tells it from a later one with its number. -1 when it is gone."""
    fields = _stat(pid)
    return int(fields[19]) if fields else -1


def carries_mark(pid, mark):
    try:
        with open('/proc/%d/environ' % pid, 'rb') as file:
            return mark in file.read()
    except OSError:
        return False


def uid_of(pid):
    """The real uid of a process; -1 when it is gone."""
    try:
        with open('/proc/%d/status' % pid, 'rb') as file:
            return int(file.read().split(b'\nUid:', 1)[1].split(None, 1)[0])
    except (OSError, IndexError):
        return -1


def thread_count(pid):
    """0 when it is gone."""
    fields = _stat(pid)
    return int(fields[17]) if fields else 0


def kill_quietly(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def descendants(known, root):
    """Every process below `root`, from one reading of the process table."""
    children = {}
    for pid, (parent, _) in known.items():
        children.setdefault(parent, []).append(pid)
    found, waiting = [], [root]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            found.append(child)
            waiting.append(child)
    return found
