"""Names that can be imported, found by looking into folders and sources: nothing is imported for it."""

from __future__ import annotations

import ast
import importlib.machinery
import os
import sys
from typing import Any, Iterator

from sojourn_kernel.lookup import is_module, members_of, module_names_of

SUFFIXES = ('.py', *importlib.machinery.EXTENSION_SUFFIXES)
SOURCE_BYTES = 1 << 20
ENTRIES = 20_000


def top_level() -> set[str]:
    """Modules and packages that `import` can find by its path, and those that are loaded."""
    loaded = {name for name in list(sys.modules) if type(name) is str and '.' not in name}
    hidden = {'sojourn_kernel', '__mp_main__'}
    return (loaded | set(sys.builtin_module_names) | set(_modules_in(_search_path()))) - hidden


def below(dotted: str) -> set[str]:
    """Modules inside a package."""
    return set(_modules_in(_folders_of(dotted)))


def inside(dotted: str) -> set[str]:
    """What `from dotted import` can give: its names and the modules below it."""
    module = sys.modules.get(dotted)
    names = members_of(module) if is_module(module) else _names_in_source(dotted)
    return names | below(dotted)


def _search_path() -> list[str]:
    return [entry or os.getcwd() for entry in list(sys.path) if type(entry) is str]


def _folders_of(dotted: str) -> list[str]:
    module = sys.modules.get(dotted)
    if is_module(module):
        path: Any = module_names_of(module).get('__path__')
        return [entry for entry in path if type(entry) is str] if path is not None else []
    folders = _search_path()
    for part in dotted.split('.'):
        deeper = (os.path.join(folder, part) for folder in folders)
        folders = [folder for folder in deeper if os.path.isdir(folder)]
    return folders


def _modules_in(folders: list[str]) -> Iterator[str]:
    left = ENTRIES
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    left -= 1
                    if left < 0:
                        return
                    name = _module_name(entry)
                    if name is not None:
                        yield name
        except OSError:  # an entry of the path that is no folder
            continue


def _module_name(entry: os.DirEntry[str]) -> str | None:
    name, dot, _ = entry.name.partition('.')
    if not name.isidentifier() or name == '__init__' or name == '__main__':
        return None
    if dot:
        return name if entry.name.endswith(SUFFIXES) else None
    return name if os.path.isfile(os.path.join(entry.path, '__init__.py')) else None


def _names_in_source(dotted: str) -> set[str]:
    """Top-level names of a module that is not loaded."""
    parent, _, name = dotted.rpartition('.')
    for folder in _folders_of(parent) if parent else _search_path():
        for path in (os.path.join(folder, name, '__init__.py'), os.path.join(folder, name + '.py')):
            try:
                if os.path.isfile(path) and os.path.getsize(path) <= SOURCE_BYTES:
                    with open(path, 'rb') as file:
                        return set(_bound_names(ast.parse(file.read())))
            except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
                return set()
    return set()


def _bound_names(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                yield alias.asname or alias.name.partition('.')[0]
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for node in targets:
                yield from (name.id for name in ast.walk(node) if isinstance(name, ast.Name))
