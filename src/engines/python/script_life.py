"""A script's own process, from a forked kernel to its exit: a fresh interpreter, as far as that can be had."""

from __future__ import annotations

import atexit
import io
import os
import runpy
import signal
import sys
import threading
import traceback
import types


def prepare(path: str, argv: list[str], workspace: str, module_path: list[str]) -> None:
    """Streams, arguments and modules. Descriptors 1 and 2 are set; `module_path` is that of a fresh kernel."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    sys.stdin = sys.__stdin__ = open(0, encoding='utf-8', closefd=False)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = open_stream(1, 'strict')  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = open_stream(2, 'backslashreplace')  # type: ignore[misc]
    sys.excepthook = sys.__excepthook__
    os.chdir(workspace)
    sys.argv = argv
    sys.path[:] = [os.path.dirname(path), *module_path[1:]]
    # The session may have imported earlier states of these files.
    for name, module in list(sys.modules.items()):
        if is_below(workspace, module):
            del sys.modules[name]
    atexit._clear()
    pools = sys.modules.get('multiprocessing.util')
    if pools is not None:
        atexit.register(pools._exit_function)


def perform(path: str) -> int:
    """The whole life of a script; its exit code."""
    code = 0
    try:
        runpy.run_path(path, run_name='__main__')
    except SystemExit as error:
        code = exit_code(error)
    except KeyboardInterrupt as error:
        show(error, path)
        code = -signal.SIGINT
    except BaseException as error:
        show(error, path)
        code = 1
    for finish in (threading._shutdown, atexit._run_exitfuncs, flush):  # type: ignore[attr-defined]
        try:
            finish()
        except BaseException:  # as at the end of any program: told, and no reason to stop
            traceback.print_exc()
    if code < 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code & 0xFF


def exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def show(error: BaseException, path: str) -> None:
    """The traceback, from the script's first line on."""
    place = error.__traceback__
    while place is not None and place.tb_frame.f_code.co_filename != path:
        place = place.tb_next
    error.__traceback__ = place
    try:
        sys.excepthook(type(error), error, place)
    except BaseException:  # a hook of the script's own
        traceback.print_exc()


def flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def open_stream(descriptor: int, errors: str) -> io.TextIOWrapper:
    file = io.FileIO(descriptor, 'wb', closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(file), encoding='utf-8', errors=errors, line_buffering=True)


def is_below(folder: str, module: object) -> bool:
    if not isinstance(module, types.ModuleType):
        return False
    file = types.ModuleType.__getattribute__(module, '__dict__').get('__file__')
    return isinstance(file, str) and os.path.realpath(file).startswith(folder + os.sep)
