"""A session's process: made ready once after the fork, then it serves one request after the other.

It never returns to the zygote's code. It ends when the server closes the connection, is killed, or the code
that it runs ends it.
"""

from __future__ import annotations

import gc
import hashlib
import os
import random
import signal
import socket
import sys
import threading
from typing import Any, Callable

from sojourn_kernel import live_fork, rebuild
from sojourn_kernel.analysis import analyze
from sojourn_kernel.checkpoint import Hold, fork_copy
from sojourn_kernel.completion import complete
from sojourn_kernel.frames import Channel
from sojourn_kernel.inspection import inspect_at
from sojourn_kernel.installer import resolve_packages, stage_packages
from sojourn_kernel.interrupts import Interrupts, Terminated
from sojourn_kernel.open_files import OpenFiles
from sojourn_kernel.output import Output
from sojourn_kernel.packages import add_to_path, adopt_packages, list_packages
from sojourn_kernel.policy import check_code, provide_names
from sojourn_kernel.restore import Restorer
from sojourn_kernel.runner import Runner
from sojourn_kernel.sandbox import Sandbox, SandboxError
from sojourn_kernel.script import Scripts
from sojourn_kernel.stdin import Console
from sojourn_kernel.variables import (
    OperationError,
    count_variables,
    get_variable,
    list_variables,
    set_variable,
)

# How often it is asked whether a copy has ended, while there is one and nothing else to do.
REAP_S = 0.05


# What a handler returns in a live fork and in a copy that was woken: nobody has asked that one anything.
FORKED = object()


class Kernel:
    """Request handlers by name. Each gets the request and its binary tail and returns the answer's value."""

    def __init__(self, channel: Channel, hold: Hold) -> None:
        self._workspace = ''
        self._hold = hold
        self._interrupts = Interrupts(hold.mark)
        self._channel = channel
        self._output = Output(self._channel, self._interrupts)
        self._output.start()
        self._console = Console(self._channel, self._output, self._interrupts)
        self._runner = Runner(self._output, self._interrupts, self._console)
        self._runner.repair()
        self._path: list[str] = []
        self._seed = ''
        self._scripts: Any = None
        self._parts: dict[str, bytes] = {}
        self._copies: set[int] = set()
        rebuild.home.namespace = self._runner.namespace
        rebuild.home.sources = self._runner.cells.sources
        os.register_at_fork(
            before=self._before_fork,
            after_in_parent=self._after_fork_in_parent,
            after_in_child=self._after_fork_in_child,
        )
        self._handlers: dict[str, Callable[[dict[str, Any], bytes], Any]] = {
            'execute': self._execute,
            'check': lambda request, tail: self._guarded(check_code, request['code']),
            'provide': lambda request, tail: self._guarded(provide_names, self._runner),
            'analyze': lambda request, tail: analyze(self._runner, request),
            'list_variables': lambda request, tail: self._guarded(
                list_variables, self._runner.namespace, request['all']
            ),
            'get_variable': lambda request, tail: self._guarded(
                get_variable, self._runner.namespace, request
            ),
            'complete': lambda request, tail: self._guarded(
                complete, self._runner.namespace, request['code'], request['cursor_pos']
            ),
            'inspect': lambda request, tail: self._guarded(
                inspect_at, self._runner.namespace, self._runner.cells, request
            ),
            'set_variable': lambda request, tail: self._guarded(
                set_variable, self._runner.namespace, request['name'], request['value']
            ),
            'run_script': lambda request, tail: self._guarded(self._scripts.run, request),
            'clear': self._clear,
            'ping': lambda request, tail: None,
            'capture': self._capture,
            'fork': self._fork,
            'part': self._part,
            'restore': self._restore,
            'list_packages': lambda request, tail: list_packages(self._workspace),
            'adopt_packages': lambda request, tail: adopt_packages(
                self._workspace, request['staged'], self._guarded
            ),
            'resolve_packages': lambda request, tail: resolve_packages(self._workspace, request),
            'stage_packages': lambda request, tail: stage_packages(self._workspace, request),
        }

    def begin(self) -> None:
        """Waits until the server says whose session this is, which may be long after the sandbox was closed."""
        frame = self._channel.receive()
        if frame is None:
            os._exit(0)
        order, _ = frame
        self._workspace = os.path.realpath(order['workspace'])
        os.chdir(order['workspace'])
        os.environ.clear()
        os.environ.update(order['environment'])
        seed_generators(order['seed'])
        add_to_path(self._workspace)
        self._path = list(sys.path)
        self._prepare_scripts(order['seed'])

    def _prepare_scripts(self, seed: str) -> None:
        def seed_script(seq: int) -> None:
            seed_generators('%s %d' % (seed, seq))

        self._scripts = Scripts(self._output, self._interrupts, self._runner, self._workspace, seed_script)
        self._seed = seed

    def serve(self) -> None:
        """Answers requests until the server closes the connection."""
        while True:
            self._idle()
            self._await_copies()
            frame = self._channel.receive()
            if frame is None:
                os._exit(0)
            request, tail = frame
            if request['op'] == 'input_reply':
                continue  # the run that asked for it has ended
            self._reap()
            self._interrupts.request = request['id']
            answer = self._handle(request, tail)
            self._interrupts.quieten()
            if answer.get('value') is not FORKED:
                self._answer(answer)

    def _idle(self) -> None:
        """Tasks of the session go on until a request comes. A signal that comes meanwhile is meant for them."""
        while self._runner.loop.has_work() and not self._channel.has_input():
            self._interrupts.rouse()
            self._interrupts.idle = True
            try:
                self._interrupts.guarded(lambda: self._runner.loop.run_until_readable(self._channel.fileno()))
            except Terminated:
                os._exit(143)
            except BaseException as error:  # the session's own tasks may raise anything
                self._output.write('stderr', self._runner.describe(error)['traceback'])
            finally:
                self._interrupts.idle = False
                self._interrupts.quieten()

    def _handle(self, request: dict[str, Any], tail: bytes) -> dict[str, Any]:
        try:
            self._interrupts.rouse()
            return {
                't': 'reply',
                'id': request['id'],
                'value': self._handlers[request['op']](request, tail),
            }
        except OperationError as error:
            return {
                't': 'failed',
                'id': request['id'],
                'code': error.code,
                'detail': error.detail,
                'fields': error.fields,
            }
        except Terminated:
            self._output.finish()
            os._exit(143)
        except BaseException as error:  # user code runs in handlers and may raise anything
            described = self._runner.describe(error)
            return {
                't': 'failed',
                'id': request['id'],
                'code': 'failed',
                'fields': described,
                'detail': ('%s: %s' % (described['name'], described['message']))[:2000],
            }

    def _answer(self, answer: dict[str, Any]) -> None:
        try:
            self._channel.send(answer)
        except (TypeError, ValueError) as error:  # not JSON, such as NaN in a rich form
            self._channel.send(
                {
                    't': 'failed',
                    'id': answer['id'],
                    'code': 'failed',
                    'detail': str(error)[:2000],
                    'fields': {},
                }
            )

    def _execute(self, request: dict[str, Any], tail: bytes) -> dict[str, Any]:
        with self._console.allow(request['allow_input']):
            outcome = self._runner.execute(request['code'], '<cell %d>' % request['seq'], request['silent'])
        outcome['variable_count'] = count_variables(self._runner.namespace)
        return outcome

    def _guarded(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """For handlers that may call the user's __repr__ or __del__: an interrupt reaches them."""
        self._runner.repair()
        try:
            return self._interrupts.guarded(lambda: work(*arguments))
        finally:
            self._output.finish()

    def _clear(self, request: dict[str, Any], tail: bytes) -> None:
        def clear() -> None:
            self._runner.clear()
            self._runner.repair()
            gc.collect()

        self._guarded(clear)

    def _capture(self, request: dict[str, Any], tail: bytes) -> Any:
        """The kernel answers its request; a frozen copy that is woken goes on as the kernel."""
        request['workspace'] = self._workspace
        left = live_fork.threads_left_behind(threading.main_thread()) if request['warm'] else []
        hold = self._hold
        pid, woken = self._interrupts.guarded(lambda: fork_copy(self._runner, request, self._path, hold))
        if woken is None:
            self._copies.add(pid)
            return {'pid': pid, 'threads': left}
        self._take_over(woken.given)
        woken.put_back(self._workspace)
        self._channel.send({'t': 'ready', 'failed': None})
        return FORKED

    def _fork(self, request: dict[str, Any], tail: bytes) -> Any:
        """The parent answers its request; the child goes on as the kernel of another session."""
        given = live_fork.take(self._hold.supply, request['ticket'])
        left = live_fork.threads_left_behind(threading.main_thread())
        random_state = random.getstate()
        files = OpenFiles(set(), set())
        pid, orphaned = self._interrupts.guarded(live_fork.fork_orphan)
        if pid:
            given.close()
            return {'pid': pid, 'threads': left}
        # The random module gives each forked child a seed of its own; a fork goes on with the state it had.
        random.setstate(random_state)
        self._become_fork(request, given, orphaned, files)
        return FORKED

    def _become_fork(
        self, request: dict[str, Any], given: live_fork.Given, orphaned: int, files: OpenFiles
    ) -> None:
        failed = None
        try:
            live_fork.settle(request, given, orphaned, self._workspace)
            files.move(self._workspace, request['workspace'])
        except live_fork.ForkFailed as error:
            failed = str(error)
        given.channel.send({'t': 'ready', 'failed': failed})
        if failed is not None:
            os._exit(71)
        self._hold.supply.close()
        os.close(self._hold.lock)
        for path in (sys.path, self._path):
            live_fork.move_path(path, self._workspace, request['workspace'])
        self._workspace = request['workspace']
        self._take_over(given)
        self._prepare_scripts(self._seed)

    def _take_over(self, given: live_fork.Given) -> None:
        """In a process that was another kernel's memory until now."""
        self._hold = Hold(given.lock, given.mark, given.supply)
        self._copies.clear()
        self._interrupts.move(given.mark)
        self._channel.move(given.channel)
        self._output.restart()
        self._console.move()
        self._runner.move()

    def _part(self, request: dict[str, Any], tail: bytes) -> None:
        self._parts[request['name']] = tail

    def _restore(self, request: dict[str, Any], tail: bytes) -> dict[str, Any]:
        parts, self._parts = self._parts, {}
        restorer = Restorer(self._runner, request['manifest'], parts, self._workspace)
        not_kept = self._guarded(restorer.restore)
        rebuild.home.find_definition = None
        return {'not_kept': not_kept, 'variable_count': count_variables(self._runner.namespace)}

    def _await_copies(self) -> None:
        """A session may be left alone for days: a copy that has ended is not to stay with it as a zombie."""
        while self._copies and not self._channel.has_input(REAP_S):
            self._reap()

    def _reap(self) -> None:
        for pid in list(self._copies):
            try:
                ended = os.waitpid(pid, os.WNOHANG)[0] != 0
            except ChildProcessError:  # user code waited for any child
                ended = True
            if ended:
                self._copies.discard(pid)

    def _before_fork(self) -> None:
        self._interrupts.__enter__()
        self._channel.lock.acquire()
        # A signal that is meant for the child must not meet the handlers that it has from us.
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})

    def _after_fork_in_parent(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        self._channel.lock.release()
        self._interrupts.__exit__()

    def _after_fork_in_child(self) -> None:
        self._channel.after_fork()
        self._output.after_fork()
        self._interrupts.after_fork()
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


def main(order: dict[str, Any], door: int | None, hold: Hold, sandbox: Sandbox) -> None:
    """Called once in the child that the zygote forked. `door` is the folder of the server's socket."""
    sys.argv = ['']
    sys.path.insert(0, '')
    sys.stdin = open(os.devnull)
    channel = Channel(order['socket'])
    if door is not None:
        os.close(door)
    channel.send({'t': 'hello', 'role': 'kernel', 'secret': order.pop('secret')})
    failed = lock_in(order, sandbox, hold.supply)
    channel.send({'t': 'ready', 'failed': failed})
    if failed is not None:
        os._exit(71)
    kernel = Kernel(channel, hold)
    kernel.begin()
    gc.enable()
    kernel.serve()


def lock_in(order: dict[str, Any], sandbox: Sandbox, supply: socket.socket) -> str | None:
    """
    Closes the sandbox around this process. Returns what could not be closed: the server then ends the kernel.
    """
    wanted = order.pop('sandbox')
    listener = None
    try:
        if wanted is not None:
            listener = sandbox.lock_in(order['workspace'], **wanted)
    except SandboxError as error:
        return str(error)
    # Also without one: the zygote listens for this word and for no other.
    socket.send_fds(supply, [b'.'], [] if listener is None else [listener])
    if listener is not None:
        os.close(listener)
    return None


def seed_generators(seed: str) -> None:
    """
    From the session's own name: no two sessions draw the same numbers, and a replay draws those it drew
    before.
    """
    random.seed(seed)
    legacy = sys.modules.get('numpy.random')
    if legacy is not None:
        words = hashlib.sha256(seed.encode()).digest()
        parts = [int.from_bytes(words[place : place + 4], 'big') for place in range(0, 32, 4)]
        legacy.seed(parts)  # type: ignore[attr-defined]
