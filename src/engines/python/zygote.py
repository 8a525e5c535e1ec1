"""The mother of all kernels: imports the preload list once, gets the sandbox ready, then serves (see keeper.py).

It never runs a line of user code. This file stays readable for every Python 3, so that one that is too old can say so.
"""

import sys

if sys.version_info < (3, 9):
    sys.stdout.write(
        '{"event": "unfit", "detail": "Python %d.%d is too old; 3.9 or newer is needed."}\n'
        % sys.version_info[:2]
    )
    sys.stdout.flush()
    sys.exit(3)

import gc
import json
import os
import resource

from zygote_setup import load_kernel_package, preload


def start(options):
    if not hasattr(os, 'fork'):
        return print('{"event": "unfit", "detail": "This Python has no os.fork()."}', flush=True)
    folder = os.path.dirname(os.path.abspath(__file__))
    # The server's folder is nothing that user code should import from.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or '.') != folder]
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ValueError, OSError):
        pass
    # What an import prints must not be taken for a report.
    control = os.dup(1)
    os.dup2(2, 1)
    package = load_kernel_package(folder)
    package.libc.prctl(package.libc.PR_SET_CHILD_SUBREAPER, 1)
    held = package.huge_pages.reserve() if options['preload'] else None  # to the end
    loaded, missing = preload(options['preload'])
    os.dup2(control, 1)
    os.close(control)
    lock, taken = package.generation.take_lock(options['lock'])
    # Before the sandbox covers the folders that sessions must not see.
    door = os.open(options['door'], os.O_PATH | os.O_CLOEXEC) if hasattr(os, 'O_PATH') else None
    sandbox = package.sandbox.Sandbox(options['sandbox'])
    facts = sandbox.facts()
    gc.collect()
    gc.freeze()
    package.huge_pages.collapse()
    package.keeper.report(
        event='ready',
        python='%d.%d.%d' % sys.version_info[:3],
        executable=sys.executable,
        preloaded=loaded,
        missing=missing,
        lock=taken,
        sandbox=facts,
    )
    package.keeper.Keeper(lock, door, sandbox).serve()


if __name__ == '__main__':
    start(json.loads(sys.argv[1]))
