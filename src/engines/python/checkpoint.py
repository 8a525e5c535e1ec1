"""Takes a checkpoint the way a database does: the kernel forks, the copy stores its state, the session goes
on.

The copy offers each part by hash and sends only what the server does not have. It ends when it has sent the
manifest. If that is wanted, a second copy stays as it was (see frozen.py).
"""

from __future__ import annotations

import gc
import hashlib
import importlib.util
import json
import mmap
import os
import random
import re
import resource
import signal
import socket
import sys
import traceback
import types
import warnings
from typing import Any, NamedTuple

from sojourn_kernel.frames import Channel
from sojourn_kernel.nodes import StateGraph
from sojourn_kernel.definitions import is_importable
from sojourn_kernel.frozen import Frozen
from sojourn_kernel.live_fork import Given, take
from sojourn_kernel.members import Fingerprints, members
from sojourn_kernel.packing import Packer
from sojourn_kernel.runner import Runner
from sojourn_kernel.supply import take_descriptors
from sojourn_kernel.variables import is_listed

FORMAT = 1
# Small enough that the server, which hashes what comes, answers others between two of them.
CHUNK_BYTES = 256 << 10
STACK_BYTES = 64 << 20
RECURSION_LIMIT = 20_000
# The latest cells are kept for tracebacks and inspect.getsource, older ones while a definition comes from
# them.
RECENT_CELLS = 100
# By their numbers, which are places in the journal.
CELLS_IN_BLOCK = 32
# As it was before any code of the session.
FORK = os.fork
MACHINERY = {'__name__', '__doc__', '__package__', '__loader__', '__spec__', '__builtins__'}


class Hold(NamedTuple):
    """What a kernel has from the zygote."""

    # Held while one kernel or more lives.
    lock: int
    # Shared with the zygote: which request a signal is meant for.
    mark: mmap.mmap
    # Where the zygote hands in connections for copies.
    supply: socket.socket


class Source(NamedTuple):
    """What a checkpoint is written from."""

    runner: Runner
    random_state: Any
    baseline_path: list[str]
    request: dict[str, Any]


def fork_copy(
    runner: Runner, request: dict[str, Any], baseline_path: list[str], hold: Hold
) -> tuple[int, Frozen | None]:
    """
    Forks; returns the copy's process id. Must be called on the main thread, between two requests. With `warm` in
    the request a second copy stays frozen: in that one, when it is woken, this returns 0 and what it was given.
    """
    # Read here: the random module gives each forked child a seed of its own.
    random_state = random.getstate()
    supply, ticket = hold.supply, request['ticket']
    if request['warm']:
        given: Channel | Given = take(supply, ticket)
    else:
        given = Channel(take_descriptors(supply, ticket, 1)[0])
    ready, away = os.pipe()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # other threads are not needed in the copy
            pid = FORK()
    except OSError:
        given.close()
        os.close(ready)
        os.close(away)
        raise
    if pid == 0:
        woken = None
        try:
            os.close(ready)
            source = Source(runner, random_state, baseline_path, request)
            woken = _in_copy(source, hold, given, away)
        finally:
            if woken is None:
                os._exit(0)
        return 0, woken
    given.close()
    os.close(away)
    os.read(ready, 1)
    os.close(ready)
    return pid, None


def _in_copy(source: Source, hold: Hold, given: Channel | Given, away: int) -> Frozen | None:
    """Writes the checkpoint, or stays frozen and returns when it is woken. `away` lets the kernel go on."""
    # Out of the reach of what is meant for the session: interrupts, and the end of its process group.
    os.setsid()
    if isinstance(given, Channel):
        gc.disable()
        os.close(away)
        become_copy(source, hold, given)
        return None
    own = {away, hold.lock, hold.supply.fileno()}
    frozen = Frozen(given, source.random_state, own, source.runner.loop.own_descriptors())
    os.close(away)
    said = frozen.split_off(hold)
    if said is None:
        return frozen
    if become_copy(source, hold, given.channel):
        os.write(said, b'.')
    return None


def become_copy(source: Source, hold: Hold, channel: Channel) -> bool:
    """True when the checkpoint is whole."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(hold.lock)
    source.runner.restore_builtins()
    _allow_depth()
    try:
        writer = CheckpointWriter(source.runner, channel, source.random_state, source.baseline_path)
        writer.write(source.request)
        return True
    except BrokenPipeError:
        pass
    except BaseException:
        channel.send({'t': 'broken', 'detail': traceback.format_exc()[-4000:]})
    return False


def _allow_depth() -> None:
    """Linked lists and trees are deeper than what the interpreter allows to code."""
    try:
        _, hard = resource.getrlimit(resource.RLIMIT_STACK)
        wanted = STACK_BYTES if hard == resource.RLIM_INFINITY else min(STACK_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))
        if wanted == STACK_BYTES:
            sys.setrecursionlimit(max(RECURSION_LIMIT, sys.getrecursionlimit()))
    except (ValueError, OSError):
        pass


def _block(name: str) -> str:
    number = re.fullmatch(r'<cell (\d+)>', name)
    return 'cells:%d' % (int(number[1]) // CELLS_IN_BLOCK) if number else 'cells'


class CheckpointWriter:
    """Sends the parts, then the manifest."""

    def __init__(self, runner: Runner, channel: Channel, random_state: Any, baseline_path: list[str]) -> None:
        self._runner = runner
        self._channel = channel
        self._random_state = random_state
        self._baseline_path = baseline_path
        self._not_kept: list[dict[str, str]] = []

    def write(self, request: dict[str, Any]) -> None:
        namespace = {
            name: value
            for name, value in self._runner.namespace.items()
            if isinstance(name, str) and name not in MACHINERY
        }
        imports = [entry for entry in (self._import_of(*item) for item in namespace.items()) if entry]
        imported = {entry['name'] for entry in imports}
        graph = StateGraph(self._runner.main, request['variable_bytes'], request['session_bytes'])
        graph.add({name: value for name, value in namespace.items() if name not in imported})
        groups = []
        packer = Packer()
        fingerprints = Fingerprints(graph)
        for part in graph.parts():
            fingerprints.add(part)
            entry = {'part': part.name, 'nodes': [node.label for node in part.nodes]}
            groups.append(entry)
            if not packer.takes(entry, part.data):
                self._send(part.name, part.data)
        for name, data in packer.parts():
            self._send(name, data)
        for name, sources in self._sources(graph).items():
            self._send(name, json.dumps(sources).encode('utf-8', 'surrogatepass'))
        self._send('random', json.dumps(self._random_states()).encode())
        kept = {node.name() for node in graph.kept()}
        manifest = {
            'format': FORMAT,
            'python': list(sys.version_info[:3]),
            'bytecode': importlib.util.MAGIC_NUMBER.hex(),
            'order': [name for name in namespace if name in kept or name in imported],
            'imports': imports,
            'groups': groups,
            'execution_count': self._runner.execution_count,
            'future_flags': self._runner.future_flags,
            'path': self._added_path(request['workspace']),
            'cwd': self._folder(request['workspace']),
            'members': members(graph, imports, fingerprints),
        }
        listed = [
            name
            for name in namespace
            if is_listed(name, namespace[name]) and (name in kept or name in imported)
        ]
        self._channel.send(
            {
                't': 'manifest',
                'manifest': manifest,
                'not_kept': graph.not_kept(),
                'variable_count': len(listed),
            }
        )

    def _import_of(self, name: str, value: Any) -> dict[str, str] | None:
        """A variable that is an import statement, and nothing more."""
        if isinstance(value, types.ModuleType):
            known = value.__name__ != '__main__' and sys.modules.get(value.__name__) is value
            return {'name': name, 'module': value.__name__} if known else None
        if isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType)) and is_importable(value):
            return {'name': name, 'module': value.__module__, 'attribute': value.__qualname__}
        return None

    def _send(self, name: str, data: bytes) -> None:
        offer = {'t': 'part', 'name': name, 'hash': hashlib.sha256(data).hexdigest(), 'size': len(data)}
        self._channel.send(offer)
        answer = self._channel.receive()
        if answer is None:
            raise BrokenPipeError
        if answer[0].get('op') == 'need':
            view = memoryview(data)
            for start in range(0, len(data), CHUNK_BYTES):
                self._channel.send({'t': 'bytes'}, view[start : start + CHUNK_BYTES])

    def _sources(self, graph: StateGraph) -> dict[str, dict[str, str]]:
        """By part: whole blocks of cells, of which only the last one changes from checkpoint to checkpoint."""
        cells = self._runner.cells.sources
        wanted = set(list(cells)[-RECENT_CELLS:]) | graph.definitions.filenames
        blocks = {_block(name) for name in cells if name in wanted}
        found: dict[str, dict[str, str]] = {}
        for name, source in cells.items():
            if _block(name) in blocks:
                found.setdefault(_block(name), {})[name] = source
        return found

    def _random_states(self) -> dict[str, Any]:
        version, words, gauss = self._random_state
        states: dict[str, Any] = {'random': [version, list(words), gauss]}
        legacy = sys.modules.get('numpy.random')
        if legacy is not None:
            name, keys, position, has_gauss, cached = legacy.get_state()  # type: ignore[attr-defined]
            states['numpy'] = [name, keys.tolist(), int(position), int(has_gauss), float(cached)]
        return states

    def _added_path(self, workspace: str) -> list[list[Any]]:
        """
        [place, entry, inside] of what the session put on sys.path; `inside` entries are below the workspace.
        """
        added = []
        for place, entry in enumerate(sys.path):
            if isinstance(entry, str) and entry not in self._baseline_path:
                inside = os.path.abspath(entry).startswith(workspace + os.sep) or entry == workspace
                added.append([place, os.path.relpath(entry, workspace) if inside else entry, inside])
        return added

    def _folder(self, workspace: str) -> str | None:
        try:
            folder = os.path.relpath(os.getcwd(), workspace)
        except OSError:  # the folder is gone
            return None
        return None if folder == '.' or folder.startswith('..') else folder
