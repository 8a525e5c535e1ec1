"""What is known of the thing at a cursor: signature, documentation, type, value in short, source.

Everything is read as it is stored; no code of the session runs for it.
"""

from __future__ import annotations

import ast
import inspect
import types
from typing import Any

from sojourn_kernel.cells import Cells
from sojourn_kernel.lookup import Found, Scope, Unknown, is_class, is_module, module_names_of, mro_of, vars_of
from sojourn_kernel.previews import fact, is_array, is_frame, is_series, made_in_python, preview, type_name
from sojourn_kernel.signatures import function_of, signature_of
from sojourn_kernel.sizes import facts_of
from sojourn_kernel.source_text import expression_start, is_word, place_of

TEXT_CHARACTERS = 1 << 16
LABEL_CHARACTERS = 16


def inspect_at(namespace: dict[str, Any], cells: Cells, request: dict[str, Any]) -> dict[str, Any]:
    """
    What the expression around the cursor means, or what is called there. `cursor_pos` counts characters;
    `detail_level` 1 adds the source.
    """
    code, cursor, detail_level = request['code'], request['cursor_pos'], request['detail_level']
    for expression in _expressions(code, len(code) if cursor is None else min(cursor, len(code))):
        try:
            found = Scope(namespace, code).find(expression)
        except Unknown:
            continue
        text = _Report(found, expression, cells).text(detail_level)
        return {'found': True, 'data': {'text/plain': text}, 'metadata': {}}
    return {'found': False, 'data': {}, 'metadata': {}}


def _expressions(code: str, cursor: int) -> list[str]:
    """That around the cursor, then that which is called around it."""
    end = cursor
    while end < len(code) and is_word(code[end]):
        end += 1
    place = place_of(code[:end])
    found = []
    if not place.inside:
        start = expression_start(code, end, place.begins)
        if start < end and not code[start].isdigit():
            found.append(code[start:end])
    for opened in reversed(place.opened):
        if code[opened] == '(':
            start = expression_start(code, opened, place.begins)
            if start < opened:
                found.append(code[start:opened])
                break
    return found


class _Report:
    def __init__(self, found: Found, expression: str, cells: Cells) -> None:
        self._found = found
        self._value = found.value
        self._name = expression.rpartition('.')[2].strip()
        self._cells = cells
        self._lines: list[str] = []

    def text(self, detail_level: int) -> str:
        signature = signature_of(self._found)
        if signature is not None:
            label = 'Init signature' if is_class(self._value) else 'Signature'
            self._add(label, self._name + signature)
        self._add('Type', type_name(self._value))
        self._add_value(signature is not None)
        source = _source(self._found, self._cells) if detail_level > 0 else None
        if source is not None:
            self._lines.append('Source:\n' + source)
        else:
            self._add('Docstring', _documentation(self._value))
        self._add('File', _file(self._found))
        return '\n'.join(self._lines)

    def _add_value(self, is_called: bool) -> None:
        value = self._value
        if not (is_called or is_module(value) or is_class(value)):
            self._add('String form', preview(value))
        if is_frame(value) or is_array(value) or is_series(value):
            self._add('Shape', '×'.join(map(str, facts_of(value)['shape'])))
        elif 'length' in facts_of(value):
            self._add('Length', str(facts_of(value)['length']))

    def _add(self, label: str, text: str | None) -> None:
        if text:
            text = text[:TEXT_CHARACTERS]
            gap = '\n' if '\n' in text else ' ' * max(LABEL_CHARACTERS - len(label) - 1, 1)
            self._lines.append('%s:%s%s' % (label, gap, text))


def _documentation(value: Any) -> str | None:
    if is_module(value):
        text = module_names_of(value).get('__doc__')
    elif type(value) is types.FunctionType or not made_in_python(type(value)):
        text = None if is_class(value) else value.__doc__
    else:
        text = next((vars_of(base).get('__doc__') for base in mro_of(type(value))[:-1]), None)
    if is_class(value):
        text = type.__getattribute__(value, '__doc__')
    return inspect.cleandoc(text) if type(text) is str else None


def _file(found: Found) -> str | None:
    if is_module(found.value):
        path = module_names_of(found.value).get('__file__')
        return path if type(path) is str else None
    try:
        return str(function_of(found).value.__code__.co_filename)
    except Unknown:
        return None


def _source(found: Found, cells: Cells) -> str | None:
    """None for what was not written in Python, or whose source is gone."""
    cells.publish()
    value = found.value
    if is_class(value):
        return _source_of_class(value, cells)
    try:
        return ''.join(inspect.getsourcelines(function_of(found).value.__code__)[0])[:TEXT_CHARACTERS]
    except (Unknown, OSError, TypeError, IndexError, SyntaxError):
        return None


def _source_of_class(kind: type, cells: Cells) -> str | None:
    """A class of the session does not say where it was written: the newest cell with that class is taken."""
    if fact(kind, '__module__') != '__main__':
        try:
            return inspect.getsource(kind)[:TEXT_CHARACTERS]
        except (OSError, TypeError, IndexError, SyntaxError):
            return None
    path = fact(kind, '__qualname__').replace('<locals>.', '').split('.')
    for source in reversed(list(cells.sources.values())):
        if 'class ' + path[-1] in source:
            found = _find_class(source, path)
            if found is not None:
                return found
    return None


def _find_class(source: str, path: list[str]) -> str | None:
    try:
        node: Any = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for name in path:
        below = (child for child in ast.walk(node) if child is not node)
        inner = [child for child in below if getattr(child, 'name', None) == name]
        if not inner:
            return None
        node = inner[-1]
    if not isinstance(node, ast.ClassDef):
        return None
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return '\n'.join(source.splitlines()[first - 1 : node.end_lineno])[:TEXT_CHARACTERS]
