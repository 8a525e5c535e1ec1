"""The policy `restricted`: which code is refused before it runs, and which names need no import.

It refuses by the text and the syntax of the code, as a guard against what is written without thinking. It is
no wall: what a process may reach is a matter of isolation.
"""

from __future__ import annotations

import ast
import builtins
import collections
import csv
import datetime
import importlib
import importlib.util
import io
import json
import math
import re
import statistics
import sys
import types
import unicodedata
import warnings
from typing import Any

from sojourn_kernel.runner import Runner
from sojourn_kernel.variables import OperationError

CALLS = ('open', 'file', 'input', 'raw_input', 'eval', 'exec', 'compile', '__import__')
MACHINERY = ('__class__', '__bases__', '__subclasses__', '__code__', '__globals__', '__builtins__')
PACKAGES = ('urllib', 'requests', 'http.client', 'threading', 'multiprocessing', 'concurrent')
MODULES = ('os', 'sys', 'subprocess', 'socket', 'shutil')
# A name counts where it stands alone: `os.` is in neither `videos.mp4` nor `pos.x`.
ALONE = r'(?<!\w)'
# A pattern of the standard library's regular expressions is harmless.
EXCEPTIONS = {'compile': r'(?<!(?<!\w)re\.)'}
PATTERNS = [
    *((name + '.', ALONE + name + r'\.') for name in MODULES),
    *((name + '(', ALONE + EXCEPTIONS.get(name, '') + name + r'\(') for name in CALLS),
    *((name, name) for name in MACHINERY),
    *((name, ALONE + re.escape(name) + r'(?![A-Za-z_])') for name in PACKAGES),
]
DANGEROUS = [(shown, re.compile(pattern, re.IGNORECASE)) for shown, pattern in PATTERNS]
IMPORTABLE = frozenset(
    'math statistics datetime json csv re io collections pandas pd numpy np matplotlib matplotlib.pyplot plt '
    'seaborn sns'.split()
)
STANDARD = {
    'math': math,
    'statistics': statistics,
    'datetime': datetime,
    'json': json,
    'csv': csv,
    're': re,
    'io': io,
    'defaultdict': collections.defaultdict,
    'Counter': collections.Counter,
    'StringIO': io.StringIO,
}
INSTALLED = {
    'pd': 'pandas',
    'pandas': 'pandas',
    'np': 'numpy',
    'numpy': 'numpy',
    'plt': 'matplotlib.pyplot',
    'matplotlib': 'matplotlib',
    'sns': 'seaborn',
    'seaborn': 'seaborn',
}
DETAIL_CHARACTERS = 2000


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # something else stands under that name
        return False


# Looked for once, by the zygote: it takes longer than to fork a kernel.
PRESENT = frozenset(filter(_is_installed, ('pandas', 'numpy', 'matplotlib', 'seaborn')))


def check_code(code: str) -> None:
    """Raises OperationError `code_rejected` for the first refusal of text, syntax, import, attribute."""
    # The parser reads a name in other letters as the same name.
    for text in {code: None, unicodedata.normalize('NFKC', code): None}:
        for shown, pattern in DANGEROUS:
            if pattern.search(text):
                raise _rejected('Dangerous pattern detected: ' + shown)
    tree = _parsed(code)
    for node in ast.walk(tree):
        _check_import(node)
    for node in ast.walk(tree):
        # With a blank or a comment before the bracket.
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            raise _rejected('Dangerous pattern detected: %s(' % node.func.id)
        if isinstance(node, ast.Attribute) and node.attr in MACHINERY:
            raise _rejected("Access to '%s' is not allowed" % node.attr)


def _parsed(code: str) -> ast.AST:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # the run itself will show them
            return ast.parse(code)
    except (SyntaxError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        # A parser that ran out of memory says nothing.
        raise _rejected('Invalid Python syntax: %s' % (str(error) or 'too deeply nested')) from None


def _check_import(node: ast.AST) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if not _is_importable(alias.name):
                raise _rejected("Import of '%s' is not allowed" % alias.name)
    elif isinstance(node, ast.ImportFrom):
        module = '.' * node.level + (node.module or '')
        if not _is_importable(module):
            raise _rejected("Import from '%s' is not allowed" % module)


def _is_importable(module: str) -> bool:
    """One of the list, or a submodule of one."""
    parts = module.split('.')
    return any('.'.join(parts[: count + 1]) in IMPORTABLE for count in range(len(parts)))


def _rejected(detail: str) -> OperationError:
    return OperationError('code_rejected', detail[:DETAIL_CHARACTERS])


class Later(types.ModuleType):
    """Stands for a package until something of it is used: importing it may take longer than a whole run."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


def provide_names(runner: Runner) -> None:
    """The names of a restricted session, which are no variables: neither listed nor stored nor cleared."""
    names: dict[str, Any] = dict(STANDARD)
    for name, module in INSTALLED.items():
        if module in sys.modules:
            names[name] = sys.modules[module]
        elif module.partition('.')[0] in PRESENT:
            names[name] = Later(module)
    runner.provide({name: value for name, value in names.items() if not hasattr(builtins, name)})
