"""Runs a script of the workspace in a process of its own, beside the session's state.

The kernel forks a keeper, and the keeper forks the script. Whatever the script leaves behind comes to the
keeper, wherever it went, and is killed before the end of the script is told. Both stay in the kernel's
session, so that they go with it.
"""

from __future__ import annotations

import gc
import itertools
import os
import select
import signal
import struct
import sys
import warnings
from typing import Any, Callable, Iterator

from sojourn_kernel.interrupts import Interrupts
from sojourn_kernel.libc import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, prctl
from sojourn_kernel.output import Output
from sojourn_kernel.processes import descendants, kill_quietly, table
from sojourn_kernel.runner import Runner
from sojourn_kernel.script_life import perform, prepare
from sojourn_kernel.variables import OperationError

FORK = os.fork
# The most that Linux ever counts to.
PID_MAX = 1 << 22
POLL = select.poll
POLLIN = select.POLLIN
WORD = struct.Struct('=i')


class Scripts:
    """Runs scripts for one kernel, one at a time."""

    def __init__(
        self,
        output: Output,
        interrupts: Interrupts,
        runner: Runner,
        workspace: str,
        seed: Callable[[int], None],
    ) -> None:
        self._output = output
        self._interrupts = interrupts
        self._runner = runner
        self._workspace = workspace
        self._seed = seed
        self._path = list(sys.path)

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """
        The return code as subprocess gives it; None when it is not known. `grace_s` is what an interrupted
        script gets to end by itself.
        """
        path = self._locate(request['path'])
        reader, writer = os.pipe()
        watch = Watch(reader, self._interrupts)
        keeper = 0
        interrupted = False
        try:
            try:
                with self._interrupts:
                    try:
                        keeper = self._start(lambda: self._become_keeper(request, path, reader, writer))
                    finally:
                        os.close(writer)
                watch.wait(None)
            except KeyboardInterrupt:
                interrupted = True
                with self._interrupts:
                    if keeper:
                        kill(keeper, signal.SIGINT)
                        watch.wait(request['grace_s'])
        finally:
            with self._interrupts:
                if keeper:
                    end_keeper(keeper, watch, request['grace_s'] / 2)
                os.close(reader)
        return {'returncode': watch.returncode, 'interrupted': interrupted}

    def _locate(self, path: str) -> str:
        full = os.path.realpath(os.path.join(self._workspace, path))
        if '\0' in path or not full.startswith(self._workspace + os.sep):
            detail = "'%s' is outside the workspace." % path[:1000]
            raise OperationError('invalid_params', detail, name=path[:1000])
        if not os.path.isfile(full):
            raise OperationError('file_not_found', "No script '%s'." % path[:1000], name=path[:1000])
        return full

    def _start(self, work: Callable[[], None]) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # other threads are not needed in the child
            pid = FORK()
        if pid == 0:
            try:
                work()
            finally:
                os._exit(70)
        return pid

    def _become_keeper(self, request: dict[str, Any], path: str, reader: int, writer: int) -> None:
        os.close(reader)
        gc.disable()
        os.setpgid(0, 0)
        reset_signals()
        keeper = Keeper()
        # Until there is a script that they could be passed on to.
        held = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, held)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        signal.signal(signal.SIGINT, lambda number, frame: keeper.interrupt())
        signal.signal(signal.SIGTERM, lambda number, frame: keeper.end())
        child = self._start(lambda: self._become_script(request, path, writer))
        join_group(child)
        keeper.script = child
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held)
        os.write(writer, WORD.pack(child))
        status = keeper.wait()
        keeper.end()
        if status is not None:
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            os.write(writer, WORD.pack(code))
        os._exit(0)

    def _become_script(self, request: dict[str, Any], path: str, writer: int) -> None:
        os.close(writer)
        gc.enable()
        join_group(0)
        reset_signals()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
        self._output.give_to_child()
        self._runner.restore_builtins()
        prepare(path, [request['path'], *request['args']], self._workspace, self._path)
        self._seed(request['seq'])
        os._exit(perform(path))


class Keeper:
    """Waits for the script, and ends all that came from it."""

    def __init__(self) -> None:
        self.script = 0
        self._status: int | None = None

    def wait(self) -> int | None:
        """The status of the script."""
        while self._status is None:
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:  # ended by the handler of a signal meanwhile
                break
            if pid == self.script:
                self._status = status
        return self._status

    def interrupt(self) -> None:
        kill_group(self.script, signal.SIGINT)

    def _children(self) -> Iterator[int]:
        """
        Those that are left, where the table of processes cannot be read: of all numbers that were given out since the
        script began, the ones that can be waited for. What descends from them comes to the keeper when they end.
        """
        newest = FORK()
        if newest == 0:
            os._exit(0)
        os.waitpid(newest, 0)
        around = [range(self.script, newest)]
        if newest < self.script:  # the numbers began anew
            around = [range(self.script, PID_MAX), range(2, newest)]
        for number in itertools.chain(*around):
            try:
                pid, status = os.waitpid(number, os.WNOHANG)
            except ChildProcessError:
                continue
            if pid == 0:
                yield number
            elif pid == self.script:
                self._status = status

    def end(self) -> None:
        """Kills the group of the script and whatever else descends from it, until nothing is left."""
        while True:
            kill_group(self.script)
            for member in descendants(table(), os.getpid()) or self._children():
                kill_quietly(member)
            try:
                pid, status = os.waitpid(-1, 0)
            except ChildProcessError:
                return
            if pid == self.script:
                self._status = status


class Watch:
    """Reads what the keeper tells: the script's process, and at the end its return code."""

    def __init__(self, reader: int, interrupts: Interrupts) -> None:
        self._reader = reader
        self._interrupts = interrupts
        self._words: list[int] = []
        self._poll = POLL()
        self._poll.register(reader, POLLIN)
        self.ended = False

    @property
    def script(self) -> int:
        return self._words[0] if self._words else 0

    @property
    def returncode(self) -> int | None:
        return self._words[1] if len(self._words) > 1 else None

    def wait(self, limit_s: float | None) -> None:
        """Until the keeper has told the end, or is gone, or the time is over."""
        while not self.ended:
            if not self._poll.poll(None if limit_s is None else limit_s * 1000):
                return
            with self._interrupts:
                word = os.read(self._reader, WORD.size)
                if word:
                    self._words.append(WORD.unpack(word)[0])
                self.ended = not word or len(self._words) > 1


def reset_signals() -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if callable(signal.getsignal(number)) or number == signal.SIGCHLD:
            signal.signal(number, signal.SIG_DFL)


def join_group(pid: int) -> None:
    try:
        os.setpgid(pid, pid)
    except OSError:  # done already, or gone already
        pass


def kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass


def kill_group(group: int, number: int = signal.SIGKILL) -> None:
    try:
        os.killpg(group, number)
    except OSError:
        pass


def end_keeper(keeper: int, watch: Watch, limit_s: float) -> None:
    """With all that it keeps; it has ended by itself where the script has."""
    if not watch.ended:
        kill(keeper, signal.SIGTERM)
        watch.wait(limit_s)
    if watch.returncode is None:
        # It was stopped or killed, perhaps by its own script.
        kill(keeper, signal.SIGKILL)
        if watch.script:
            kill_group(watch.script)
    try:
        os.waitpid(keeper, 0)
    except OSError:  # user code waited for any child
        pass
