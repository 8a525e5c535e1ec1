"""The sandbox of a session: what the zygote prepares, and how a forked kernel locks itself in before any user code.

Three locks lie over one another: a uid of its own, Landlock, and seccomp. What this machine gives is tried out once, in
a child that is thrown away, and told by name; a lock that was promised and then fails ends the kernel.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import sysconfig
from typing import Any

from sojourn_kernel import accounts, landlock, rlimits, seccomp, view
from sojourn_kernel.libc import PR_SET_PDEATHSIG, checked, libc, prctl

PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 8, 38, 24
CAPABILITY_VERSION = 0x20080522
CAPABILITIES = 64
# Kept, behind a filter that asks the zygote, where live forks take a uid of their own.
CAP_SETGID, CAP_SETUID = 6, 7
# Profiles whose kernels keep these: the others could tell strangers over a socket that they are somebody else.
FORKING = ('strict',)
# profile -> (network, programs)
PROFILES = {'strict': (False, False), 'workspace': (True, True)}
READABLE = ('/usr/lib', '/usr/lib32', '/usr/lib64', '/usr/libx32', '/lib', '/lib32', '/lib64', '/usr/local/lib',
            '/usr/share', '/usr/local/share/fonts', '/etc/localtime', '/etc/timezone', '/etc/ssl', '/etc/pki',
            '/etc/ca-certificates', '/etc/fonts', '/etc/matplotlibrc', '/etc/ld.so.cache', '/etc/ld.so.conf',
            '/etc/ld.so.conf.d', '/etc/locale.alias', '/etc/mime.types', '/etc/python3', '/var/cache/fontconfig',
            '/sys/devices/system/cpu', '/proc/cpuinfo', '/proc/meminfo', '/proc/stat')
DEVICES = ('/dev/null', '/dev/zero', '/dev/full')
RANDOM = ('/dev/urandom', '/dev/random')
# What resolving names and starting programs takes besides.
FOR_NETWORK = ('/etc/resolv.conf', '/etc/hosts', '/etc/nsswitch.conf', '/etc/services', '/etc/protocols',
               '/etc/gai.conf', '/etc/host.conf')
# What building programs takes, and what pip looks at before anything else.
FOR_PROGRAMS = ('/usr/include', '/usr/local/include', '/etc/debian_version')
PROGRAM_FOLDERS = ('/bin', '/sbin', '/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/libexec')


class SandboxError(Exception):
    """A lock could not be closed."""


def python_folders() -> list[str]:
    """Where this Python and its packages lie."""
    found = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, *sys.path}
    found.update(sysconfig.get_paths().values())
    # A prefix such as /usr is far more than Python; what is needed of it is listed by itself.
    wide = {'', '/', '/usr', '/usr/local', '/home', '/etc', '/var', '/tmp', '/opt', os.path.expanduser('~')}
    return sorted({path for path in found if os.path.isabs(path) and path not in wide and os.path.exists(path)})


def outermost(paths: list[str]) -> list[str]:
    """Those that are there and lie in none of the others: fewer rules to make with every fork."""
    found = sorted({os.path.realpath(path) for path in paths if os.path.exists(path)})
    return [path for path in found if not any(path.startswith(other + '/') for other in found)]


class Sandbox:
    """Made once by the zygote, after its imports. `settings` come from the server; see SandboxSettings there."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._machine = seccomp.machine()
        self._abi = landlock.version()
        data = os.path.dirname(os.path.realpath(settings['workspaces'])) + '/'
        found = outermost([*READABLE, *python_folders(), *settings['read_only_roots']])
        # Never a folder that holds the data of the server, whoever put it on Python's path.
        self._readable = [path for path in found if not data.startswith(path.rstrip('/') + '/')]
        self._folders = [settings['workspaces'], settings['temporary']]
        self.block: tuple[int, int, int] | None = None
        self.missing: list[str] = []
        self.covered: list[str] = []
        self.whole_view: int | None = None
        if os.name == 'posix' and os.geteuid() == 0:
            self._prepare_uids()
        self._shared_uid = self.block is None
        self._works: dict[str, Any] = {}
        self._programs = {} if self._machine is None else {
            profile: seccomp.build(self._machine, network, programs, self._shared_uid)
            for profile, (network, programs) in PROFILES.items()}
        self._asking = {} if self._machine is None else {
            profile: seccomp.build(self._machine, *PROFILES[profile], self._shared_uid, ask=True)
            for profile in FORKING}

    def _prepare_uids(self) -> None:
        """Opens the way to the workspaces for other users, and takes a block of uids."""
        first, last = self._settings['uid_range']
        folders = self._folders
        self.whole_view = view.hold()
        try:
            for folder in folders:
                os.chmod(folder, 0o711)  # anybody may pass, nobody may list
            self.covered = view.open_for_others([*folders, *python_folders(), *self._settings['read_only_roots']])
        except OSError as error:
            self.covered = []
            closed = [folder for folder in folders if not view.is_open(folder)]
            if closed:
                self.missing.append('uid: other users cannot pass %s (%s)' % (closed[0], error))
                return
        try:
            self.block = accounts.claim(first, last)
            accounts.end_leftovers(self.block[0], self.block[1])
        except OSError as error:
            self.missing.append('uid: %s' % error)

    def facts(self) -> dict[str, Any]:
        """What this machine gives, tried out. `missing` is empty when all locks hold."""
        tried = self._works = self._try()
        missing = self.missing + tried['missing']
        if sys.platform != 'linux':
            missing.append('Landlock and seccomp: this is %s, not Linux' % sys.platform)
        elif self._shared_uid and 0 < self._abi < landlock.SIGNALS_SINCE:
            missing.append('signals: sessions share the uid of the server, and Landlock %d does not stop signals; '
                           'version %d does' % (self._abi, landlock.SIGNALS_SINCE))
        uid = 'own' if self.block else 'shared'
        return {'uid': uid, 'landlock_abi': self._abi if tried.get('landlock') else 0, 'seccomp': tried['seccomp'],
                'no_new_privs': tried['no_new_privs'], 'rlimits': tried['rlimits'],
                'live_forks': tried['live_forks'], 'covered': self.covered,
                'missing': missing, 'uids': list(self.block[:2]) if self.block else None}

    def _try(self) -> dict[str, Any]:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(writer, json.dumps(self._trial()).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, 'rb') as file:
            text = file.read()
        os.waitpid(pid, 0)
        nothing = {'missing': ['the trial of the locks ended early'], 'seccomp': False, 'no_new_privs': False,
                   'rlimits': False, 'live_forks': False}
        return json.loads(text) if text else nothing

    def _trial(self) -> dict[str, Any]:
        """In a child: closes each lock and pushes against it."""
        result: dict[str, Any] = {'missing': [], 'seccomp': False, 'no_new_privs': False, 'rlimits': False,
                                  'live_forks': self.block is None}
        steps = {'rlimits': self._limit, 'uid': lambda: self._become(self.block[0] if self.block else None, True),
                 'no_new_privs': no_new_privileges, 'landlock': lambda: self._close_files('strict', []),
                 'seccomp': lambda: result.update(live_forks=self._filter_asking('strict'))}
        pushes = {'uid': self._reach_workspaces, 'landlock': stay_inside, 'seccomp': open_no_socket}
        for name, close in steps.items():
            try:
                close()
                if name in pushes:
                    pushes[name]()
                result[name] = True
            except (OSError, SandboxError, ValueError) as error:
                result['missing'].append('%s: %s' % (name, error))
        return result

    def lock_in(self, workspace: str, profile: str, uid: int | None, temporary: str, tolerant: bool) -> int | None:
        """In a forked kernel that is connected: gives up all it does not need, for good.

        `tolerant`: leaves out what this machine was found not to give. Returns the descriptor on which the filter
        asks, for the zygote, where there is one. @raises SandboxError when a lock fails
        """
        workspace, temporary = os.path.realpath(workspace), os.path.realpath(temporary)
        try:
            asks = uid is not None and profile in FORKING and self._works['live_forks']
            os.makedirs(os.path.dirname(temporary), 0o711, exist_ok=True)
            if not os.path.isdir(temporary):
                os.mkdir(temporary, 0o700)
            if uid is not None and self.block:
                self.hand_over(workspace, temporary, uid)
            rlimits.apply(self._settings, uid is not None)
            self._become(uid, asks)
            if not tolerant or self._works.get('no_new_privs'):
                no_new_privileges()
            if not tolerant or self._works.get('landlock'):
                self._close_files(profile, [self._family(workspace, 0), self._family(temporary, 1)])
            if asks:
                return seccomp.install_asking(self._asking[profile])
            if not tolerant or self._works.get('seccomp'):
                self._filter(profile)
            return None
        except (OSError, ValueError) as error:
            raise SandboxError(str(error)) from error

    def hand_over(self, workspace: str, temporary: str, uid: int, most: int | None = None) -> None:
        """Makes the two folders the uid's own. @raises TooMany beyond `most` entries"""
        for folder, which in ((workspace, 0), (temporary, 1)):
            if self._family(folder, which) != folder:
                os.chmod(self._family(folder, which), 0o711)  # anybody may pass, nobody may list
        first, last = self._settings['uid_range']
        accounts.give(workspace, uid, first, last, most)
        os.chown(temporary, uid, uid)

    def _family(self, folder: str, which: int) -> str:
        """
        The folder that holds this one and those of all live forks, which their uids close to each other; the folder
        itself where it does not lie in one.
        """
        family = os.path.dirname(folder)
        return family if os.path.dirname(family) == os.path.realpath(self._folders[which]) else folder

    def give(self, folder: str, uid: int | None) -> None:
        """Makes a folder and what is in it the own of a uid, or of the server. @raises OSError"""
        if os.geteuid() == 0:
            accounts.give(folder, 0 if uid is None else uid, *self._settings['uid_range'])

    def stay_open(self) -> None:
        """For a session without a sandbox: it sees the machine as the server does."""
        if self.covered and self.whole_view is not None:
            view.go_back(self.whole_view)

    def _limit(self) -> None:
        rlimits.apply(self._settings, False)

    def _become(self, uid: int | None, may_fork: bool = False) -> None:
        """Takes the uid; root that has none to take at least gives up what makes it root."""
        if uid is not None:
            parent = os.getppid()
            prctl(PR_SET_KEEPCAPS, int(may_fork))
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            if may_fork:
                drop_capabilities(1 << CAP_SETGID | 1 << CAP_SETUID)
            # The change of the uid took back the promise to die with the zygote.
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(70)
        elif sys.platform == 'linux' and os.geteuid() == 0:
            drop_capabilities()

    def _close_files(self, profile: str, writable: list[str]) -> None:
        if self._abi == 0:
            raise SandboxError('this kernel has no Landlock; it came with Linux 5.13 and may be switched off')
        network, programs = PROFILES[profile]
        run = landlock.EXECUTE if programs else 0
        readable = [*self._readable, *(FOR_NETWORK if network else ()), *(FOR_PROGRAMS if programs else ())]
        rules = [(path, landlock.READ | run) for path in readable]
        rules += [(path, landlock.READ | run) for path in PROGRAM_FOLDERS if programs]
        rules += [(path, landlock.CHANGE | run) for path in writable]
        rules += [(path, landlock.DEVICE) for path in DEVICES]
        rules += [(path, landlock.READ_FILE) for path in RANDOM]
        landlock.restrict(self._abi, rules, network)

    def _filter(self, profile: str) -> None:
        if self._machine is None:
            raise SandboxError('there is no filter for this machine; there is one for %s'
                               % ' and '.join(seccomp.MACHINES))
        seccomp.install(self._programs[profile])

    def _filter_asking(self, profile: str) -> bool:
        """Tries the filter that asks; False where only the other one can be had."""
        try:
            os.close(seccomp.install_asking(self._asking[profile]))
            return True
        except (OSError, KeyError):
            self._filter(profile)
            return False

    def _reach_workspaces(self) -> None:
        for folder in (*self._folders, os.path.dirname(os.__file__)):
            try:
                os.stat(folder + '/.')
            except OSError as error:
                raise SandboxError('another user cannot pass %s' % folder) from error


def no_new_privileges() -> None:
    checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 'prctl')


def drop_capabilities(kept: int = 0) -> None:
    """All of them but those of the mask, and the right to ever get one back."""
    for capability in range(CAPABILITIES):
        prctl(PR_CAPBSET_DROP, capability)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    checked(libc.capset(header, (ctypes.c_uint32 * 6)(kept, kept)), 'capset')


def stay_inside() -> None:
    try:
        os.close(os.open('/etc/passwd', os.O_RDONLY))
    except PermissionError:
        return
    raise SandboxError('files outside can still be read')


def open_no_socket() -> None:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
    except PermissionError:
        return
    raise SandboxError('sockets can still be opened')
