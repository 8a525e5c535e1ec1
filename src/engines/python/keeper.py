"""The zygote at work: forks kernels, hands them connections, tells when they end, and kills on request.

It takes orders as JSON lines on stdin and reports on stdout. When stdin ends (the server is gone, however it died) it
kills every kernel, everything that descends from one, and itself.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import select
import signal
import socket
import struct
import time
import traceback
import warnings

from sojourn_kernel import accounts, kernel, processes
from sojourn_kernel.forks import Forks, Kept, keep_back
from sojourn_kernel.frames import Channel
from sojourn_kernel.heirs import Heirs
from sojourn_kernel.libc import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, prctl

# Must agree with interrupts.py.
MARK = struct.Struct('=QQ')
COUNT_MAX = (1 << 64) - 1


def report(**fields):
    data = (json.dumps(fields) + '\n').encode()
    while data:
        data = data[os.write(1, data):]


def share_lock(descriptor):
    """A hold of the kernel's own: code that unlocks it lets nothing go but that."""
    try:
        own = os.open('/proc/self/fd/%d' % descriptor, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return descriptor
    fcntl.flock(own, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.close(descriptor)
    return own


def signal_name(number):
    """Those between the first and the last real-time signal have no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return 'SIG%d' % number


class Keeper:
    """Knows every kernel by its process id."""

    def __init__(self, lock, door, sandbox):
        self.lock = lock
        self.door = door  # the folder of the server's socket, held open: sessions have no way to it
        self.sandbox = sandbox
        self.kernels = {}  # pid -> Kept
        self.poll = select.poll()
        self.forks = Forks(self.kernels, sandbox, self.address, self.new_lock)
        self.heirs = Heirs(self.kernels, self.poll, self.address, self.new_lock)
        self.unheard = {}  # descriptor of a supply -> pid of the kernel that has not said yet what its filter asks
        self.listeners = set()  # descriptors on which filters ask
        self.wake_reader, self.wake_writer = os.pipe()
        os.set_blocking(self.wake_reader, False)
        os.set_blocking(self.wake_writer, False)

    def serve(self):
        """Until the server is gone, told by the end of its orders or by nobody reading the reports."""
        try:
            self.obey_all()
        except BrokenPipeError:
            pass
        self.end()
        # Taking down the mounts takes a while, in which the lock is to be held still.
        self.sandbox.stay_open()

    def obey_all(self):
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self.wake_writer, warn_on_full_buffer=False)
        # Ctrl-C in the terminal of the server is the server's to handle.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.poll.register(0, select.POLLIN)
        self.poll.register(self.wake_reader, select.POLLIN)
        pending = b''
        while True:
            for ready, _ in self.poll.poll():
                if ready != 0:
                    self.guarded(self.attend, ready)
                    continue
                data = os.read(0, 65536)
                if not data:
                    return
                *lines, pending = (pending + data).split(b'\n')
                for line in lines:
                    self.guarded(self.obey, json.loads(line))

    def attend(self, ready):
        if ready == self.wake_reader:
            try:
                os.read(self.wake_reader, 4096)
            except BlockingIOError:
                pass
            self.reap()
        elif ready in self.unheard:
            self.hear(ready)
        elif ready in self.heirs.unheard:
            self.heirs.hear(ready)
        elif ready in self.listeners:
            self.listen(ready)

    def guarded(self, work, subject):
        """What one session brings about ends no other, whatever was overlooked. The server logs it."""
        try:
            work(subject)
        except BrokenPipeError:
            raise
        except Exception:
            os.write(2, traceback.format_exc().encode('utf-8', 'replace'))
            if work == self.obey and 'id' in subject:
                report(event='refused', id=subject['id'], detail='the zygote failed')

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
        elif op == 'connect':
            self.connect(order)
        elif op == 'sweep':
            self.sweep_uid(order['uid'], order['spare'])
        elif op == 'release':
            self.release(order)
        elif op in ('arrange', 'confirm'):
            self.answer(order, getattr(self.forks, op))
        elif op == 'adopt':
            self.answer(order, self.forks.adopt, 'forked')
        elif op in ('bear', 'drop'):
            self.answer(order, getattr(self.heirs, op))
        elif op == 'find':
            self.answer(order, self.heirs.find, 'found')
        elif op == 'wake':
            self.answer(order, self.heirs.wake, 'forked')
        elif op == 'cancel':
            self.forks.cancel(order['kernel'])
        elif op == 'give':
            self.give(order)

    def answer(self, order, work, event='connected'):
        """With the process that the work found, if it did, or why it was refused."""
        try:
            pid = work(order)
            report(event=event, id=order['id'], **({} if pid is None else {'pid': pid}))
        except (OSError, KeyError) as error:
            report(event='refused', id=order['id'], detail=str(error))

    def new_lock(self):
        return share_lock(os.dup(self.lock))

    def fork(self, order):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.setblocking(False)
        mark = mmap.mmap(-1, mmap.PAGESIZE)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # native libraries may keep threads; none of them holds our locks
            try:
                pid = os.fork()
            except OSError as error:
                ours.close()
                theirs.close()
                mark.close()
                return report(event='refused', id=order['id'], detail=str(error))
        if pid == 0:
            self.become_kernel(order, kernel.Hold(self.lock, mark, theirs))
        theirs.close()
        keep_back(mark)
        self.kernels[pid] = Kept(order['kernel'], mark, ours, order['sandbox'] and order['sandbox']['uid'])
        self.unheard[ours.fileno()] = pid
        self.poll.register(ours, select.POLLIN)
        report(event='forked', id=order['id'], pid=pid)

    def hear(self, supply):
        """A kernel that has locked itself in says first, before any user code, on what its filter asks."""
        pid = self.unheard.pop(supply)
        self.poll.unregister(supply)
        try:
            _, found, _, _ = socket.recv_fds(self.kernels[pid].supply, 16, 4)
        except (OSError, KeyError):
            return
        for listener in found:
            self.listeners.add(listener)
            self.poll.register(listener, select.POLLIN)

    def listen(self, listener):
        """Looks again: a number may mean another descriptor than it did when the round of events began."""
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        events = sum(found for _, found in poll.poll(0))
        if events & select.POLLIN:
            self.forks.answer(listener)
        elif events & (select.POLLHUP | select.POLLERR):  # no process has that filter any more
            self.poll.unregister(listener)
            self.listeners.discard(listener)
            os.close(listener)

    def connect(self, order):
        """Hands a kernel a connection to the server, for a copy of it: locked in, it can open none itself."""
        try:
            hello = {'t': 'hello', 'role': 'copy', 'secret': order['secret']}
            channel = Channel(self.address(order['socket']))
            channel.send(hello)
            try:
                socket.send_fds(self.kernels[order['pid']].supply, [order['ticket'].encode()], [channel.fileno()])
            finally:
                channel.close()
            report(event='connected', id=order['id'])
        except (OSError, KeyError) as error:
            report(event='refused', id=order['id'], detail=str(error))

    def address(self, path):
        """The socket by the folder that is held open: other mounts may cover its path."""
        return path if self.door is None else '/proc/self/fd/%d/%s' % (self.door, os.path.basename(path))

    def become_kernel(self, order, hold):
        try:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            prctl(PR_SET_CHILD_SUBREAPER, 0)
            os.setsid()
            if order['sandbox'] is None:
                self.sandbox.stay_open()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # Sent when somebody else opens a file on which the session holds a lease, as a download does.
            signal.signal(signal.SIGIO, signal.SIG_IGN)
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)
            os.dup2(null, 1)
            self.close_all_but({self.lock, self.door, hold.supply.fileno()})
            try:
                with open('/proc/self/oom_score_adj', 'w') as file:
                    file.write('%d' % processes.KERNEL_SCORE)
            except OSError:
                pass
            order['socket'] = self.address(order['socket'])
            kernel.main(order, self.door, hold._replace(lock=share_lock(self.lock)), self.sandbox)
        except BaseException:
            os.write(2, traceback.format_exc().encode('utf-8', 'replace'))
        finally:
            os._exit(70)

    def close_all_but(self, kept):
        highest = max(map(int, os.listdir('/proc/self/fd'))) if os.path.isdir('/proc/self/fd') else 255
        first = 3
        for descriptor in [*sorted(number for number in kept if number is not None), highest + 1]:
            os.closerange(first, descriptor)
            first = descriptor + 1

    def signal(self, order):
        """Answers after the signal has been sent, so that it can never meet a later run."""
        if order['pid'] not in self.kernels:
            return False
        try:
            number = getattr(signal, order['signal'])
            mark = self.kernels[order['pid']].mark
            # The kernel can write there too, and what it likes.
            count = MARK.unpack_from(mark)[1] + (number == signal.SIGINT)
            MARK.pack_into(mark, 0, order['request'], count & COUNT_MAX)
            (os.killpg if order['group'] else os.kill)(order['pid'], number)
            return True
        except (ProcessLookupError, PermissionError):
            return False

    def kill_kernel(self, pid, spare):
        """Kills a kernel and all that descends from it, except copies that still write a checkpoint or are frozen."""
        if pid not in self.kernels:
            return
        spare = {*spare, *self.heirs.spared()}
        table = processes.table()
        family = processes.descendants(table, pid)
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        for member in family:
            if member not in spare:
                processes.kill_quietly(member)

    def kill_copy(self, kernel, pid):
        """The number came from a kernel, which may lie: only its own child, or an orphan of ours, is killed."""
        parent, _ = processes.table().get(pid, (0, 0))
        if pid not in self.kernels and (parent == kernel or parent == os.getpid()):
            processes.kill_quietly(pid)

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            kept = self.kernels.pop(pid, None)
            if kept is None:
                self.heirs.ended(pid)
                continue
            kept.mark.close()
            self.stop_hearing(kept.supply)
            self.forks.forget(pid)
            self.sweep(pid, kept.name)
            signalled = os.WIFSIGNALED(status)
            report(event='exit', pid=pid, code=None if signalled else os.WEXITSTATUS(status),
                   signal=signal_name(os.WTERMSIG(status)) if signalled else None)

    def stop_hearing(self, supply):
        if self.unheard.pop(supply.fileno(), None) is not None:
            self.poll.unregister(supply)
        supply.close()

    def sweep(self, pid, name):
        """Kills what a dead kernel left behind: its session's processes, and orphans that carry its mark."""
        mark = b'SOJOURN_KERNEL=' + name.encode()
        for member, (parent, session) in processes.table().items():
            if session == pid or (parent == os.getpid() and processes.carries_mark(member, mark)):
                processes.kill_quietly(member)

    def sweep_uid(self, uid, spare):
        """Kills what a dead kernel left under its uid, except copies that still write a checkpoint or are frozen."""
        spare = {*spare, *self.heirs.spared()}
        for pid, _ in accounts.running(uid, uid):
            if pid not in spare:
                processes.kill_quietly(pid)

    def release(self, order):
        """Ends all that runs under a uid, so that another session may have it."""
        try:
            accounts.end_all(order['uid'], self.reap)
            accounts.take_back(order['workspace'], order['uid'])
            report(event='released', id=order['id'])
        except OSError as error:
            report(event='refused', id=order['id'], detail=str(error))

    def give(self, order):
        """Makes a folder a uid's own, in a child: a large one would keep all other sessions waiting."""
        try:
            pid = os.fork()
        except OSError as error:
            return report(event='refused', id=order['id'], detail=str(error))
        if pid == 0:
            try:
                self.sandbox.give(order['folder'], order['uid'])
                report(event='given', id=order['id'])
            except OSError as error:
                report(event='refused', id=order['id'], detail=str(error))
            finally:
                os._exit(0)

    def end(self):
        deadline = time.monotonic() + 5.0
        while time.monotonic() < deadline:
            for pid in list(self.kernels):
                try:
                    os.killpg(pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    pass
            for pid in processes.descendants(processes.table(), os.getpid()):
                processes.kill_quietly(pid)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.005)
