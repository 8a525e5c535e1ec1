"""The processes of the machine: who descends from whom, who carries a mark, and how to end one."""

import os
import signal


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
        try:
            with open('/proc/' + name + '/stat', 'rb') as file:
                # The command stands in parentheses and may contain any byte, a parenthesis too.
                fields = file.read().rpartition(b')')[2].split()
        except OSError:
            continue
        found[int(name)] = (int(fields[1]), int(fields[3]))
    return found


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
