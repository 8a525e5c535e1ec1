"""The mother of all kernels: imports the preload list once, then makes each kernel with one fork().

It takes orders as JSON lines on stdin, reports on stdout, and never runs a line of user code. When stdin ends
(the server is gone, however it died) it kills every kernel, everything that descends from one, and itself.

This file stays readable for every Python 3, so that one that is too old can say so.
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
import mmap
import os
import resource
import select
import signal
import struct
import time
import warnings

from zygote_setup import load_kernel_package, preload, take_lock
from zygote_processes import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_PDEATHSIG,
    carries_mark,
    descendants,
    kill_quietly,
    prctl,
    process_table,
)

# Must agree with interrupts.py.
MARK = struct.Struct('=QQ')


def report(**fields):
    data = (json.dumps(fields) + '\n').encode()
    while data:
        data = data[os.write(1, data) :]


class Zygote:
    """Forks kernels, tells when they end, and kills on request."""

    def __init__(self, kernel_module, lock):
        self.kernel_module = kernel_module
        self.lock = lock
        self.kernels = {}  # pid -> (name, mark)
        self.wake_reader, self.wake_writer = os.pipe()
        os.set_blocking(self.wake_reader, False)
        os.set_blocking(self.wake_writer, False)

    def serve(self):
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self.wake_writer, warn_on_full_buffer=False)
        # Ctrl-C in the terminal of the server is the server's to handle.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        pending = b''
        while True:
            readable, _, _ = select.select([0, self.wake_reader], [], [])
            if self.wake_reader in readable:
                try:
                    os.read(self.wake_reader, 4096)
                except BlockingIOError:
                    pass
                self.reap()
            if 0 in readable:
                data = os.read(0, 65536)
                if not data:
                    return self.end()
                *lines, pending = (pending + data).split(b'\n')
                for line in lines:
                    self.obey(json.loads(line))

    def obey(self, order):
        op = order['op']
        if op == 'fork':
            self.fork(order)
        elif op == 'signal':
            report(event='signalled', id=order['id'], sent=self.signal(order))
        elif op == 'kill':
            self.kill_kernel(order['pid'], order['spare'])
            report(event='signalled', id=order['id'], sent=True)
        elif op == 'kill_copy':
            self.kill_copy(order['kernel'], order['pid'])

    def fork(self, order):
        # Shared with the kernel alone: says which request a signal is meant for.
        mark = mmap.mmap(-1, mmap.PAGESIZE)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # native libraries may keep threads; none of them holds our locks
            try:
                pid = os.fork()
            except OSError as error:
                return report(event='refused', id=order['id'], detail=str(error))
        if pid == 0:
            self.become_kernel(order, mark)
        self.kernels[pid] = (order['kernel'], mark)
        report(event='forked', id=order['id'], pid=pid)

    def become_kernel(self, order, mark):
        try:
            for _, other in self.kernels.values():
                other.close()
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            prctl(PR_SET_CHILD_SUBREAPER, 0)
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(null, 1)
            for name in (
                os.listdir('/proc/self/fd') if os.path.isdir('/proc/self/fd') else map(str, range(3, 256))
            ):
                if int(name) > 2 and int(name) != self.lock:
                    try:
                        os.close(int(name))
                    except OSError:
                        pass
            try:
                with open('/proc/self/oom_score_adj', 'w') as file:
                    file.write('500')  # short of memory, the machine takes a kernel before the server
            except OSError:
                pass
            self.kernel_module.main(order, self.lock, mark)
        except BaseException:
            import traceback

            os.write(2, traceback.format_exc().encode('utf-8', 'replace'))
        finally:
            os._exit(70)

    def signal(self, order):
        """Answers after the signal has been sent, so that it can never meet a later run."""
        if order['pid'] not in self.kernels:
            return False
        try:
            number = getattr(signal, order['signal'])
            mark = self.kernels[order['pid']][1]
            MARK.pack_into(mark, 0, order['request'], MARK.unpack_from(mark)[1] + (number == signal.SIGINT))
            (os.killpg if order['group'] else os.kill)(order['pid'], number)
            return True
        except (ProcessLookupError, PermissionError):
            return False

    def kill_kernel(self, pid, spare):
        """Kills a kernel and all that descends from it, except copies that still write a checkpoint."""
        if pid not in self.kernels:
            return
        table = process_table()
        family = descendants(table, pid)
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        for member in family:
            if member not in spare:
                kill_quietly(member)

    def kill_copy(self, kernel, pid):
        """
        The number came from a kernel, which may lie: only its own child, or an orphan of ours, is killed.
        """
        parent, _ = process_table().get(pid, (0, 0))
        if pid not in self.kernels and (parent == kernel or parent == os.getpid()):
            kill_quietly(pid)

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid not in self.kernels:
                continue
            name, mark = self.kernels.pop(pid)
            mark.close()
            self.sweep(pid, name)
            signalled = os.WIFSIGNALED(status)
            report(
                event='exit',
                pid=pid,
                code=None if signalled else os.WEXITSTATUS(status),
                signal=signal.Signals(os.WTERMSIG(status)).name if signalled else None,
            )

    def sweep(self, pid, name):
        """Kills what a dead kernel left behind: its session's processes, and orphans that carry its mark."""
        mark = b'SOJOURN_KERNEL=' + name.encode()
        for member, (parent, session) in process_table().items():
            if session == pid or (parent == os.getpid() and carries_mark(member, mark)):
                kill_quietly(member)

    def end(self):
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline:
            for pid in list(self.kernels):
                try:
                    os.killpg(pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    pass
            for pid in descendants(process_table(), os.getpid()):
                kill_quietly(pid)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.005)


def start(options):
    if not hasattr(os, 'fork'):
        return report(event='unfit', detail='This Python has no os.fork().')
    folder = os.path.dirname(os.path.abspath(__file__))
    # The server's folder is nothing that user code should import from.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or '.') != folder]
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ValueError, OSError):
        pass
    # What an import prints must not be taken for a report.
    control = os.dup(1)
    os.dup2(2, 1)
    kernel_module = load_kernel_package(folder)
    loaded, missing = preload(options['preload'])
    os.dup2(control, 1)
    os.close(control)
    lock, taken = take_lock(options['lock'])
    gc.collect()
    gc.freeze()
    report(
        event='ready',
        python='%d.%d.%d' % sys.version_info[:3],
        executable=sys.executable,
        preloaded=loaded,
        missing=missing,
        lock=taken,
    )
    Zygote(kernel_module, lock).serve()


if __name__ == '__main__':
    start(json.loads(sys.argv[1]))
