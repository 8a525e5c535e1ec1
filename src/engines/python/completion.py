"""What may stand at a cursor: names, attributes, keys, columns, modules and keyword arguments.

Looks at what the session holds and runs nothing of it.
"""

from __future__ import annotations

import keyword
import re
import sys
from typing import Any, Iterable

from sojourn_kernel import module_names
from sojourn_kernel.lookup import Scope, Unknown, is_module, keys_of, members_of, module_names_of
from sojourn_kernel.signatures import keywords_of
from sojourn_kernel.source_text import Place, expression_start, is_word, place_of, word_start

MATCHES = 1000
MATCH_CHARACTERS = 200
KEYWORDS = {*keyword.kwlist, 'match', 'case'}
IMPORT = re.compile(r'\s*import\s+(?:.*,\s*)?([\w.]*)$')
FROM = re.compile(r'\s*from\s+([\w.]*)$')
FROM_MODULE = re.compile(r'\s*from\s+[\w.]+\s+(\w*)$')
FROM_IMPORT = re.compile(r'\s*from\s+([\w.]+)\s+import(?:\s+|\s*\(\s*)(?:.*,)?\s*(\w*)$', re.DOTALL)
DEFINITION = re.compile(r'\s*(?:async\s+)?(?:def|class)\s')


def complete(namespace: dict[str, Any], code: str, cursor: int | None) -> dict[str, Any]:
    """
    `cursor` counts characters. Each match replaces what stands from `cursor_start` to `cursor_end`.
    """
    text = code if cursor is None else code[:cursor]
    start, matches = _Completer(namespace, text).matches()
    prefix = text[start:]
    fitting = [match for match in matches if match.startswith(prefix) and len(match) <= MATCH_CHARACTERS]
    return {
        'matches': list(dict.fromkeys(fitting))[:MATCHES],
        'cursor_start': start,
        'cursor_end': len(text),
        'metadata': {},
    }


class _Completer:
    def __init__(self, namespace: dict[str, Any], text: str) -> None:
        self._text = text
        self._place: Place = place_of(text)
        self._scope = Scope(namespace, text[: self._place.statement])
        self._word = word_start(text, len(text))

    def matches(self) -> tuple[int, list[str]]:
        """Where what is completed begins, and what it may be."""
        end = len(self._text)
        if self._place.inside == '#':
            return end, []
        if self._place.inside:
            return self._place.start, self._string_keys()
        imported = self._imports(self._text[self._place.statement :])
        if imported is not None:
            return self._word, imported
        if self._text[self._word : self._word + 1].isdigit():
            return end, []
        before = self._text[: self._word].rstrip()
        if before.endswith('.'):
            return self._word, self._attributes(len(before) - 1)
        keys = self._open_keys(before) if self._word == end else []
        return self._word, [*keys, *self._keyword_arguments(), *self._names()]

    def _value(self, end: int) -> Any:
        """@raises Unknown"""
        start = expression_start(self._text, end, self._place.begins)
        return self._scope.find(self._text[start:end]).value

    def _imports(self, statement: str) -> list[str] | None:
        match = FROM_IMPORT.match(statement)
        if match:
            return _sorted(module_names.inside(match.group(1)), match.group(2))
        match = IMPORT.match(statement) or FROM.match(statement)
        if match:
            package, _, last = match.group(1).rpartition('.')
            found = module_names.below(package) if package else module_names.top_level()
            return _sorted(found, last)
        match = FROM_MODULE.match(statement)
        return ['import'] if match else None

    def _attributes(self, dot: int) -> list[str]:
        prefix = self._text[self._word :]
        try:
            owner = self._value(dot)
        except Unknown:
            return self._names_of_import(self._text[word_start(self._text, dot) : dot], dot, prefix)
        if type(owner) is int and self._text[dot - 1 : dot].isdigit():
            return []
        names = members_of(owner)
        if is_module(owner) and '__path__' in module_names_of(owner):
            names |= module_names.below(str(module_names_of(owner).get('__name__')))
        return _sorted(names, prefix)

    def _names_of_import(self, name: str, dot: int, prefix: str) -> list[str]:
        """Of a module that the code imports and that is not loaded yet."""
        start = dot - len(name)
        module, attribute = self._scope.imports.get(name, ('', None))
        is_part = self._text[start - 1 : start] == '.'
        if not module or attribute is not None or module in sys.modules or is_part:
            return []
        return _sorted(module_names.inside(module), prefix)

    def _string_keys(self) -> list[str]:
        """Inside a string that is the key of something."""
        quotes = self._place.inside
        at = self._place.start - len(quotes)
        while at > 0 and self._text[at - 1] in 'rbuRBU':
            at -= 1
        before = self._text[:at].rstrip()
        if not before.endswith('['):
            return []
        keys = [key for key in self._keys(len(before) - 1) if type(key) is str]
        return [key.replace('\\', '\\\\').replace(quotes, '\\' + quotes).replace('\n', '\\n') for key in keys]

    def _open_keys(self, before: str) -> list[str]:
        """Directly behind an opening bracket."""
        return [repr(key) for key in self._keys(len(before) - 1)] if before.endswith('[') else []

    def _keys(self, end: int) -> list[Any]:
        try:
            return keys_of(self._value(end))
        except Unknown:
            return []

    def _keyword_arguments(self) -> list[str]:
        opened = self._place.opened
        if not opened or self._text[opened[-1]] != '(':
            return []
        end = opened[-1]
        statement = self._text[self._place.statement : end]
        if end == 0 or not is_word(self._text[end - 1]) or DEFINITION.match(statement):
            return []
        start = expression_start(self._text, end, self._place.begins)
        try:
            found = self._scope.find(self._text[start:end])
        except Unknown:
            return []
        return [name + '=' for name in keywords_of(found)]

    def _names(self) -> list[str]:
        return _sorted(self._scope.names() | KEYWORDS, self._text[self._word :])


def _sorted(names: Iterable[str], prefix: str) -> list[str]:
    """Names with an underscore only when one was begun, and last."""
    hidden = '' if prefix.startswith('_') else '_'
    shown = (name for name in names if name.startswith(prefix) and not (hidden and name.startswith(hidden)))
    return sorted(shown, key=lambda name: (name.startswith('_'), name))
