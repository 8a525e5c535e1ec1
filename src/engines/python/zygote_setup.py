"""
Getting the zygote ready: our own modules, the preload list, and the lock that kernels of an earlier server
hold.
"""

import builtins
import fcntl
import importlib
import importlib.util
import os
import sys
import time
import types

from zygote_processes import descendants, kill_quietly, process_table

PACKAGE = 'sojourn_kernel'
# In the order of their imports, so that each one finds those before it.
MODULES = (
    'frames',
    'interrupts',
    'output',
    'stdin',
    'display',
    'previews',
    'variables',
    'cells',
    'rebuild',
    'runner',
    'script_life',
    'script',
    'definitions',
    'classes',
    'arrays',
    'reducers',
    'pickler',
    'grouping',
    'reasons',
    'nodes',
    'packing',
    'checkpoint',
    'restore',
    'kernel',
)
LOCK_WAIT_S = 10.0
# What an earlier zygote gets to end by itself.
LOCK_PATIENCE_S = 3.0


def load_kernel_package(folder):
    """
    Loads our modules with a copy of the builtins of their own: user code may break `builtins`, never us.
    """
    package = types.ModuleType(PACKAGE)
    package.__path__ = [folder]
    sys.modules[PACKAGE] = package
    own_builtins = dict(vars(builtins))
    for name in MODULES:
        spec = importlib.util.spec_from_file_location(
            PACKAGE + '.' + name, os.path.join(folder, name + '.py')
        )
        module = importlib.util.module_from_spec(spec)
        module.__dict__['__builtins__'] = own_builtins
        sys.modules[spec.name] = module
        setattr(package, name, module)
        spec.loader.exec_module(module)
    return sys.modules[PACKAGE + '.kernel']


def preload(names):
    """
    Imports what is there. Returns the names that were imported and those that were not, with the reason.
    """
    loaded, missing = [], {}
    for name in names:
        try:
            importlib.import_module(name)
            loaded.append(name)
        except BaseException as error:  # a broken package may raise anything, SystemExit too
            missing[name] = '%s: %s' % (type(error).__name__, str(error)[:300])
    return loaded, missing


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
    table = process_table()
    for pid in table:
        if pid != os.getpid() and is_zygote(pid) and holds(pid, os.fstat(descriptor)):
            family = descendants(table, pid)
            kill_quietly(pid)
            for member in family:
                kill_quietly(member)


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
