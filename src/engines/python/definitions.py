"""What picklers of one checkpoint share: the definitions that were met, and the bytes that may be written."""

from __future__ import annotations

import io
import sys
import types
from typing import Any


class TooLarge(Exception):
    """The bytes of one variable went past their limit."""


class LimitedBuffer(io.BytesIO):
    """Collects bytes and stops the pickler as soon as there are too many."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.left = limit

    def write(self, data: Any) -> int:
        # The pickler hands over what is large as it is, and a buffer of numpy has no length.
        self.left -= len(data) if type(data) is bytes else memoryview(data).nbytes
        if self.left < 0:
            raise TooLarge
        return super().write(data)


class Definitions:
    """
    The functions and classes of the session that were met, each with a key that stays while it is unchanged.
    """

    def __init__(self, main: types.ModuleType) -> None:
        self.main = main
        self.keys: dict[int, str] = {}
        self.found: list[Any] = []
        self._objects: dict[str, Any] = {}
        self.shells: dict[int, GlobalsShell] = {}
        self.filenames: set[str] = set()

    def key_of(self, item: Any) -> str:
        key = self.keys.get(id(item))
        if key is None:
            name = getattr(item, '__qualname__', '?')
            if isinstance(item, types.FunctionType):
                name = '%s@%s:%d' % (name, item.__code__.co_filename, item.__code__.co_firstlineno)
            key, number = name, 2
            while key in self._objects:
                key, number = '%s~%d' % (name, number), number + 1
            self.keys[id(item)] = key
            self._objects[key] = item
            self.found.append(item)
        return key


class GlobalsShell:
    """Stands for the globals of a function that belong to no module, until they are filled."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope
        plain = scope.get('__builtins__')
        # A plain namespace has all builtins: those are not stored.
        whole = isinstance(plain, types.ModuleType) or (isinstance(plain, dict) and 'print' in plain)
        self.contents = {
            name: value for name, value in scope.items() if not (whole and name == '__builtins__')
        }


def is_importable(item: Any) -> bool:
    """True when importing a module gives this very object, so that its name is enough."""
    owner = getattr(item, '__module__', None)
    path = getattr(item, '__qualname__', None)
    if not isinstance(owner, str) or not isinstance(path, str) or owner == '__main__':
        return False
    found: Any = sys.modules.get(owner)
    if found is None:
        return False
    for name in path.split('.'):
        found = getattr(found, name, None)
    return found is item
