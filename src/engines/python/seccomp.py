"""A seccomp filter built by hand: system calls that a session never needs are refused before the kernel looks at them.

What is refused answers EPERM; calls of another architecture kill the process, because their numbers mean other
things; calls newer than this file answer ENOSYS, which libraries take for an older kernel.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys
from typing import Tuple

from sojourn_kernel.libc import PR_SET_PDEATHSIG, checked, libc
from sojourn_kernel.syscalls import MACHINES, NETWORK, NEVER, PROGRAMS, SAME_OWNER, UNCOUNTED, numbers

# Code, jump if true, jump if false, constant.
Instruction = Tuple[int, int, int, int]

ARCHITECTURES = {'x86_64': 0xC000003E, 'aarch64': 0xC00000B7}
X32_BIT = 0x40000000
NEWEST = 466
PR_SET_SECCOMP = 22
MODE_FILTER = 2
SET_MODE_FILTER, NEW_LISTENER = 1, 1 << 3
# The change of the uid that a live fork makes once, when the zygote allows it.
CHANGE_OF_UID = ('setresgid', 'setresuid')
SIGKILL = 9

LOAD, AND, RETURN = 0x20, 0x54, 0x06
EQUAL, GREATER, AT_LEAST, ANY_BIT = 0x15, 0x25, 0x35, 0x45
ALLOW, KILL, ASK = 0x7FFF0000, 0x80000000, 0x7FC00000
REFUSE = 0x00050000 | errno.EPERM
UNKNOWN = 0x00050000 | errno.ENOSYS
NUMBER, ARCHITECTURE = 0, 4

# CLONE_NEWTIME is no flag of clone(): its bit belongs to the exit signal there.
NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
AF_UNIX, SOCK_STREAM, SOCKET_TYPE = 1, 1, 0xF
FAMILIES = (1, 2, 10)  # unix, IPv4, IPv6
AF_NETLINK, NETLINK_ROUTE = 16, 0  # name resolution asks it for addresses
# GET_PDEATHSIG, GET_DUMPABLE, GET_KEEPCAPS, SET_NAME, GET_NAME, GET_SECCOMP, CAPBSET_READ, SET/GET_TIMERSLACK,
# SET_CHILD_SUBREAPER (of what it starts itself), SET/GET_NO_NEW_PRIVS, SET/GET_THP_DISABLE,
# SET_VMA (names of memory areas)
PRCTL = (2, 3, 7, 15, 16, 21, 23, 29, 30, 36, 38, 39, 41, 42, 0x53564D41)
TIOCSTI, TIOCLINUX, TIOCSETD, TIOCSCTTY = 0x5412, 0x541C, 0x5423, 0x540E
PERSONALITY_QUERY = 0xFFFFFFFF
PRIO_USER, IOPRIO_WHO_PROCESS = 2, 1


def machine() -> str | None:
    """The name under which the tables know this machine; None where no filter is built."""
    name = platform.machine()
    return name if sys.platform == 'linux' and name in MACHINES and ctypes.sizeof(ctypes.c_void_p) == 8 else None


def low(argument: int) -> Instruction:
    return (LOAD, 0, 0, 16 + 8 * argument)


def high(argument: int) -> Instruction:
    return (LOAD, 0, 0, 20 + 8 * argument)


def give(action: int) -> Instruction:
    return (RETURN, 0, 0, action)


def only(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    """Allows these values of an argument of 32 bits."""
    body = [low(argument)]
    for value in values:
        body += [(EQUAL, 0, 1, value), give(ALLOW)]
    return body + [give(REFUSE)]


def never(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    body = [low(argument)]
    for value in values:
        body += [(EQUAL, 0, 1, value), give(REFUSE)]
    return body + [give(ALLOW)]


def conditions(network: bool, shared_uid: bool) -> dict[str, list[Instruction]]:
    """Calls that depend on an argument; each list ends with a decision."""
    own = only(0, (0,))
    found = {
        'clone': [low(0), (ANY_BIT, 0, 1, NAMESPACES), give(REFUSE), give(ALLOW)],
        # Its flags lie in memory, where a filter cannot look: libraries fall back to clone().
        'clone3': [give(UNKNOWN)],
        'prctl': [low(0), (EQUAL, 0, 4, PR_SET_PDEATHSIG), low(1), (EQUAL, 0, 1, SIGKILL), give(ALLOW), give(REFUSE),
                  *only(0, PRCTL)],
        'personality': only(0, (0, PERSONALITY_QUERY)),
        'ioctl': never(1, (TIOCSTI, TIOCLINUX, TIOCSETD, TIOCSCTTY)),
        # Of the process itself only: limits and priorities of others with the same uid are theirs.
        'prlimit64': own, 'sched_setscheduler': own, 'sched_setparam': own, 'sched_setattr': own,
        'setpriority': [low(0), (EQUAL, 0, 1, PRIO_USER), give(REFUSE), *only(1, (0,))],
        'ioprio_set': [low(0), (EQUAL, 1, 0, IOPRIO_WHO_PROCESS), give(REFUSE), *only(1, (0,))],
    }
    if shared_uid:
        found['sched_setaffinity'] = own
    if network:
        # Of netlink only what tells addresses: another protocol of it lists the sockets of the machine.
        found['socket'] = [low(0), (EQUAL, 0, 4, AF_NETLINK), low(2), (EQUAL, 0, 1, NETLINK_ROUTE), give(ALLOW),
                           give(REFUSE), *only(0, FAMILIES)]
    else:
        # A pair is connected to itself; datagrams could still be sent elsewhere by address.
        found['socketpair'] = [low(0), (EQUAL, 1, 0, AF_UNIX), give(REFUSE), low(1), (AND, 0, 0, SOCKET_TYPE),
                               (EQUAL, 0, 1, SOCK_STREAM), give(ALLOW), give(REFUSE)]
        found['sendto'] = [low(4), (EQUAL, 1, 0, 0), give(REFUSE), high(4), (EQUAL, 1, 0, 0), give(REFUSE),
                           give(ALLOW)]
    return found


def build(name: str, network: bool, programs: bool, shared_uid: bool, ask: bool = False) -> bytes:
    """The filter for a machine, as the kernel reads it. `ask`: the zygote decides about changes of the uid."""
    known = numbers(name)
    filters: list[Instruction] = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, ARCHITECTURES[name]), give(KILL),
                                  (LOAD, 0, 0, NUMBER)]
    if name == 'x86_64':
        filters += [(AT_LEAST, 0, 1, X32_BIT), give(KILL)]
    filters += [(GREATER, 0, 1, NEWEST), give(UNKNOWN)]
    for call, body in conditions(network, shared_uid).items():
        if call in known:
            filters += [(EQUAL, 0, len(body), known[call]), *body]
    for call in CHANGE_OF_UID if ask else ():
        filters += [(EQUAL, 0, 1, known[call]), give(ASK)]
    for call in _refused(network, programs, shared_uid):
        if call in known:
            filters += [(EQUAL, 0, 1, known[call]), give(REFUSE)]
    filters.append(give(ALLOW))
    return b''.join(struct.pack('=HBBI', *instruction) for instruction in filters)


def _refused(network: bool, programs: bool, shared_uid: bool) -> list[str]:
    refused = list(NEVER)
    if not programs:
        refused += UNCOUNTED + PROGRAMS
    if not network:
        refused += NETWORK
    if shared_uid:
        refused += SAME_OWNER
    return refused


def install(program: bytes) -> None:
    """Puts the filter on this thread and all that come from it. Needs no_new_privs. @raises OSError"""
    pointer, keep = _header(program)
    nothing = ctypes.c_ulong(0)
    checked(libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(MODE_FILTER), pointer, nothing, nothing), 'seccomp')


def install_asking(program: bytes) -> int:
    """Like `install`; returns the descriptor on which questions of the filter come. @raises OSError"""
    pointer, keep = _header(program)
    number = numbers(platform.machine())['seccomp']
    return checked(libc.syscall(number, SET_MODE_FILTER, NEW_LISTENER, pointer), 'seccomp')


def _header(program: bytes) -> tuple[object, object]:
    """A pointer to the program, and what must live as long as it is used."""
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack('HP', len(program) // 8, ctypes.addressof(code))
    return ctypes.create_string_buffer(header, len(header)), code
