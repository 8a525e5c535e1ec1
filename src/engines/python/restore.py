"""Brings a stored state back into a fresh kernel. What fails is named; all the rest is there."""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import os
import pickle
import random
import sys
from typing import Any

from sojourn_kernel import rebuild
from sojourn_kernel.checkpoint import FORMAT
from sojourn_kernel.packing import unpack
from sojourn_kernel.reasons import reason_of
from sojourn_kernel.runner import Runner


class Restorer:
    """
    Loads groups as they are needed: a group that refers to a definition of another one loads that one first.
    """

    def __init__(
        self, runner: Runner, manifest: dict[str, Any], parts: dict[str, bytes], workspace: str
    ) -> None:
        self._runner = runner
        self._manifest = manifest
        self._parts = parts
        self._workspace = workspace
        self._group_of: dict[str, dict[str, Any]] = {}
        self._loaded: dict[str, Any] = {}
        self._failures: dict[str, str] = {}
        self._under_way: set[str] = set()
        self._not_kept: list[dict[str, str]] = []

    def restore(self) -> list[dict[str, str]]:
        """Returns what could not be brought back, as {name, type, reason}."""
        if not self._manifest:
            return []
        if self._manifest.get('format') != FORMAT:
            raise ValueError(
                'the checkpoint has format %r, which is not known here' % self._manifest.get('format')
            )
        # The workspace was put back after this process had begun.
        importlib.invalidate_caches()
        self._restore_surroundings()
        rebuild.home.same_bytecode = self._manifest['bytecode'] == importlib.util.MAGIC_NUMBER.hex()
        rebuild.home.find_definition = self._definition
        for entry in self._manifest['groups']:
            for label in entry['nodes']:
                self._group_of[label] = entry
        values = self._imports()
        for entry in self._manifest['groups']:
            self._load_or_name(entry)
        values.update({label[2:]: value for label, value in self._loaded.items() if label.startswith('v:')})
        for name in self._manifest['order']:
            if name in values:
                self._runner.namespace[name] = values[name]
        # Last: loading may have drawn random numbers.
        self._restore_random()
        return self._not_kept

    def _restore_surroundings(self) -> None:
        runner = self._runner
        runner.execution_count = self._manifest['execution_count']
        runner.future_flags = self._manifest['future_flags']
        for part in (data for name, data in self._parts.items() if name.split(':')[0] == 'cells'):
            for name, source in json.loads(part.decode('utf-8', 'surrogatepass')).items():
                runner.cells.remember(name, source)
        for place, entry, inside in self._manifest['path']:
            sys.path.insert(
                place, os.path.normpath(os.path.join(self._workspace, entry)) if inside else entry
            )
        if self._manifest['cwd'] is not None:
            try:
                os.chdir(os.path.join(self._workspace, self._manifest['cwd']))
            except OSError as error:
                self._name('the working directory', 'folder', 'it cannot be entered: %s' % error.strerror)

    def _imports(self) -> dict[str, Any]:
        values = {}
        for entry in self._manifest['imports']:
            try:
                value = importlib.import_module(entry['module'])
                for attribute in entry['attribute'].split('.') if 'attribute' in entry else ():
                    value = getattr(value, attribute)
                values[entry['name']] = value
            except BaseException as error:  # importing runs any code
                self._name(entry['name'], 'import', 'import failed: %s: %s' % (type(error).__name__, error))
        return values

    def _load_or_name(self, entry: dict[str, Any]) -> None:
        try:
            self._load(entry)
        except BaseException as error:  # reading a pickle runs the session's own code
            reason = reason_of(error).replace('it cannot be pickled', 'it cannot be read back')
            self._failures[entry['nodes'][0]] = reason
            for label in entry['nodes']:
                if label.startswith('v:'):
                    self._name(label[2:], 'unknown', reason)

    def _load(self, entry: dict[str, Any]) -> None:
        first = entry['nodes'][0]
        if first in self._loaded:
            return
        if first in self._failures:
            raise LookupError(self._failures[first])
        if first in self._under_way:
            raise LookupError("'%s' refers to itself" % first)
        self._under_way.add(first)
        try:
            data = unpack(entry, self._parts)
            if 'at' not in entry:
                del self._parts[entry['part']]
            self._loaded.update(SessionUnpickler(io.BytesIO(data), self._by_name).load())
        finally:
            self._under_way.discard(first)

    def _definition(self, key: str) -> Any:
        label = 'd:' + key
        if label not in self._loaded:
            entry = self._group_of.get(label)
            if entry is None:
                raise LookupError("'%s' is not in the checkpoint" % key)
            self._load(entry)
        return self._loaded[label]

    def _by_name(self, path: str) -> Any:
        """What pickles name as `__main__.NAME` is a variable that may not have been loaded yet."""
        first, *rest = path.split('.')
        entry = self._group_of.get('v:' + first)
        if entry is not None:
            self._load(entry)
        found = self._loaded['v:' + first]
        for name in rest:
            found = getattr(found, name)
        return found

    def _restore_random(self) -> None:
        states = json.loads(self._parts['random'])
        version, words, gauss = states['random']
        random.setstate((version, tuple(words), gauss))
        if 'numpy' in states:
            try:
                legacy = importlib.import_module('numpy.random')
                legacy.set_state(tuple(states['numpy']))
            except BaseException as error:  # another numpy, or none
                self._name('the random state of numpy', 'tuple', str(error))

    def _name(self, name: str, kind: str, reason: str) -> None:
        if name != '_':
            self._not_kept.append({'name': name, 'type': kind, 'reason': reason})


class SessionUnpickler(pickle.Unpickler):
    """Looks up `__main__` in the state that is being restored."""

    def __init__(self, file: io.BytesIO, by_name: Any) -> None:
        super().__init__(file)
        self._by_name = by_name

    def persistent_load(self, pid: Any) -> Any:
        """The globals of a function, which have been filled on the way."""
        return pid[0]

    def find_class(self, module_name: str, name: str) -> Any:
        if module_name == '__main__':
            try:
                return self._by_name(name)
            except KeyError:
                raise AttributeError("'%s' is not in the checkpoint" % name) from None
        return super().find_class(module_name, name)
