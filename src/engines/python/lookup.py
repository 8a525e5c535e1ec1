"""
Finds what an expression means without running any code of the session: no call, no property, no
`__getattr__`.

Names, attributes, and items of plain containers under plain keys are followed; everything else is unknown.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import sys
import types
from typing import Any, NamedTuple

from sojourn_kernel.previews import is_array, is_frame, is_series, made_in_python

# Properties of pandas that are quick and whose code is known.
TABLE_FACTS = set('columns index dtypes dtype shape loc iloc at iat str dt cat plot'.split())
METHODS = (types.FunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)
LITERALS = {ast.List: [], ast.Dict: {}, ast.Tuple: (), ast.Set: set(), ast.JoinedStr: ''}
IMPORT = re.compile(r'^\s*import\s+(.+)$', re.MULTILINE)
FROM = re.compile(r'^\s*from\s+([\w.]+)\s+import\s+\(?(.+)$', re.MULTILINE)
CLAUSE = re.compile(r'^\s*([\w.]+)(?:\s+as\s+(\w+))?\s*\)?\s*$')


class Unknown(Exception):
    """What it means cannot be known without running something."""


class Found(NamedTuple):
    value: Any
    """True when the first parameter is given already."""
    bound: bool = False


class Scope:
    """The names that code sees: those that its own import statements bind, the session's, the builtins."""

    def __init__(self, namespace: dict[str, Any], code: str) -> None:
        self._namespace = namespace
        # Name to module, and to what of it.
        self.imports: dict[str, tuple[str, str | None]] = {}
        for line in IMPORT.findall(code):
            for module, alias in _clauses(line):
                # Without a name of its own, `import a.b` binds `a`.
                bound = (alias, module) if alias else (module.partition('.')[0],) * 2
                self.imports[bound[0]] = (bound[1], None)
        for module, line in FROM.findall(code):
            for name, alias in _clauses(line):
                self.imports[alias or name] = (module, name)

    def find(self, expression: str) -> Found:
        """@raises Unknown"""
        try:
            tree = ast.parse(expression.strip(), mode='eval')
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise Unknown from None
        return self._evaluate(tree.body)

    def names(self) -> set[str]:
        found = {name for name in list(self._namespace) if type(name) is str}
        return found | set(vars(builtins)) | set(self.imports)

    def _evaluate(self, node: ast.AST) -> Found:
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Constant):
            return Found(node.value)
        if isinstance(node, ast.Attribute):
            return member(self._evaluate(node.value).value, node.attr)
        if isinstance(node, ast.Subscript):
            return Found(_item(self._evaluate(node.value).value, node.slice))
        if type(node) in LITERALS:
            return Found(LITERALS[type(node)])  # type: ignore[index]
        raise Unknown

    def _name(self, name: str) -> Found:
        if name in self.imports:
            module, attribute = self.imports[name]
            loaded = sys.modules.get(module)
            if loaded is not None:
                return Found(loaded) if attribute is None else member(loaded, attribute)
        if name in self._namespace:
            return Found(self._namespace[name])
        if name in vars(builtins):
            return Found(vars(builtins)[name])
        raise Unknown


def _clauses(line: str) -> list[tuple[str, str]]:
    matches = (CLAUSE.match(clause) for clause in line.partition('#')[0].split(','))
    return [(match.group(1), match.group(2) or '') for match in matches if match]


def is_module(value: Any) -> bool:
    return issubclass(type(value), types.ModuleType)


def is_class(value: Any) -> bool:
    return issubclass(type(value), type)


def module_names_of(module: Any) -> dict[str, Any]:
    """The names in a module, past any `__getattr__` of its own."""
    return types.ModuleType.__getattribute__(module, '__dict__')


def member(owner: Any, name: str) -> Found:
    """An attribute as it is stored. @raises Unknown when finding it would run code"""
    if is_module(owner):
        names = module_names_of(owner)
        if name in names:
            return Found(names[name])
        submodule = sys.modules.get('%s.%s' % (names.get('__name__'), name))
        if submodule is None:
            raise Unknown
        return Found(submodule)
    if is_frame(owner) or is_series(owner):
        if name in TABLE_FACTS or (is_frame(owner) and _has_column(owner, name)):
            return Found(_quiet_attribute(owner, name))
    try:
        stored = inspect.getattr_static(owner, name)
    except (AttributeError, TypeError):
        raise Unknown from None
    return _bound(owner, stored)


def _bound(owner: Any, stored: Any) -> Found:
    kind = type(stored)
    if kind is classmethod:
        return Found(stored.__func__, True)
    if kind is staticmethod:
        return Found(stored.__func__)
    if issubclass(kind, METHODS):
        return Found(stored, not is_class(owner) and _is_of_class(owner, stored))
    if kind is types.MemberDescriptorType or kind is types.GetSetDescriptorType:
        # Of a class in C, or a slot: reading it runs nothing of the session.
        slot = kind is types.MemberDescriptorType
        if is_class(owner) or not (slot or not made_in_python(type(owner))):
            return Found(stored)
        return Found(_quiet_attribute_of(stored, owner))
    if not is_class(owner) and any('__get__' in vars_of(base) for base in mro_of(kind)):
        raise Unknown
    return Found(stored)


def _is_of_class(owner: Any, stored: Any) -> bool:
    """A function in the instance itself is given no self."""
    return any(stored is found for base in mro_of(type(owner)) for found in vars_of(base).values())


def _quiet_attribute(owner: Any, name: str) -> Any:
    try:
        return getattr(owner, name)
    except (AttributeError, TypeError, ValueError):
        raise Unknown from None


def _quiet_attribute_of(descriptor: Any, owner: Any) -> Any:
    try:
        return descriptor.__get__(owner, type(owner))
    except (AttributeError, TypeError):
        raise Unknown from None


def _has_column(frame: Any, name: str) -> bool:
    return any(type(column) is str and column == name for column in frame.columns)


def _item(owner: Any, key_node: ast.AST) -> Any:
    try:
        key = ast.literal_eval(key_node)  # type: ignore[arg-type]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise Unknown from None
    kind = type(owner)
    plain = kind is list or kind is tuple or kind is dict or kind is str
    column = is_frame(owner) and type(key) is str
    if not plain and not column and not (is_array(owner) and type(key) is str):
        raise Unknown
    if kind is dict:
        return _plain_item(owner, key)
    try:
        return owner[key]
    except (LookupError, TypeError, ValueError):
        raise Unknown from None


def _plain_item(owner: dict[Any, Any], key: Any) -> Any:
    """Without the hash and the equality of keys that are the session's."""
    for candidate, value in owner.items():
        if type(candidate) is type(key) and type(key) in (str, int, bool, float, bytes) and candidate == key:
            return value
    raise Unknown


def mro_of(kind: type) -> tuple[type, ...]:
    return type.__getattribute__(kind, '__mro__')


def vars_of(kind: type) -> Any:
    return type.__getattribute__(kind, '__dict__')


def members_of(owner: Any) -> set[str]:
    """Names of attributes as they are stored, in the object and its classes; no `__dir__` is asked."""
    if is_module(owner):
        names = module_names_of(owner)
        listed = names.get('__all__')
        return {name for name in [*names, *(listed if type(listed) is list else [])] if type(name) is str}
    found: set[str] = set()
    for base in mro_of(owner if is_class(owner) else type(owner)):
        found.update(name for name in list(vars_of(base)) if type(name) is str)
    if not is_class(owner):
        try:
            fields = object.__getattribute__(owner, '__dict__')
            found.update(name for name in list(fields) if type(name) is str)
        except (AttributeError, TypeError):
            pass
    if is_frame(owner):
        found.update(name for name in owner.columns[:1000] if type(name) is str and name.isidentifier())
    return found


def keys_of(owner: Any) -> list[Any]:
    """Plain keys of a dict, columns of a frame, fields of an array."""
    kind = type(owner)
    if issubclass(kind, dict):
        keys = list(dict.keys(owner))
    elif is_frame(owner):
        keys = list(owner.columns)
    elif is_array(owner) and owner.dtype.names:
        keys = list(owner.dtype.names)
    else:
        keys = []
    return [key for key in keys if type(key) is str or type(key) is int]
