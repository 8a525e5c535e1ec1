"""
Where a cursor is in unfinished code: in a string, in a comment, behind which expression, between which
brackets; and what of a text the parser does not tell.

Unfinished code cannot be parsed, so the text is only searched for what opens and closes.
"""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

MARK = re.compile(r'#|\'\'\'|"""|\'|"|[()\[\]{}]|[\n;]')
CLOSING = {')': '(', ']': '[', '}': '{'}


class Place(NamedTuple):
    """The end of a text."""

    # Empty in code, else '#' or the quotes of the string that it is in.
    inside: str
    # Where the content of that string or comment begins.
    start: int
    # Positions of the brackets that are open, the innermost last.
    opened: list[int]
    # Where the statement begins.
    statement: int
    # Where a string or a pair of brackets begins, by where it ends.
    begins: dict[int, int]


def place_of(text: str) -> Place:
    opened: list[int] = []
    begins: dict[int, int] = {}
    statement = at = 0
    while True:
        mark = MARK.search(text, at)
        if mark is None:
            return Place('', 0, opened, statement, begins)
        sign, at = mark.group(), mark.end()
        if sign in '([{':
            opened.append(mark.start())
        elif sign in CLOSING:
            if opened and text[opened[-1]] == CLOSING[sign]:
                begins[at] = opened.pop()
        elif sign in '\n;':
            statement = statement if opened else at
        else:
            end = text.find('\n', at) if sign == '#' else _end_of_string(text, sign, at)
            if end == -1:
                return Place(sign, at, opened, statement, begins)
            if sign != '#':
                begins[end] = _with_prefix(text, mark.start())
            at = end


def _end_of_string(text: str, quotes: str, at: int) -> int:
    stops = re.compile(r'\\.|' + quotes + ('' if len(quotes) == 3 else r'|\n'), re.DOTALL)
    while True:
        found = stops.search(text, at)
        if found is None:
            return -1
        if not found.group().startswith('\\'):
            # A string that is not closed ends with its line.
            return found.end() if found.group() == quotes else found.start()
        at = found.end()


def _with_prefix(text: str, quotes: int) -> int:
    """The letters before the quotes, as in rb'…', belong to a string."""
    start = quotes
    while start > 0 and text[start - 1] in 'rbfuRBFU':
        start -= 1
    return quotes if start > 0 and is_word(text[start - 1]) else start


def is_word(character: str) -> bool:
    return character == '_' or character.isalnum()


def word_start(text: str, end: int) -> int:
    while end > 0 and is_word(text[end - 1]):
        end -= 1
    return end


def expression_start(text: str, end: int, begins: dict[int, int]) -> int:
    """Where the expression of names, dots, brackets and strings begins that ends at `end`."""
    at = end
    while True:
        start = word_start(text, at)
        if start == at:
            if at not in begins:
                return at
            start = begins[at]
            # What stands directly before brackets is what they belong to.
            if text[start] in '([' and (start in begins or (start > 0 and is_word(text[start - 1]))):
                at = start
                continue
        if start > 0 and text[start - 1] == '.':
            at = start - 1
        else:
            return start


def ends_with_semicolon(code: str, last: ast.stmt) -> bool:
    """True when a semicolon stands behind the last statement of a code that was parsed."""
    # The parser counts lines by all three kinds of newline, and columns in bytes.
    lines = code.replace('\r\n', '\n').replace('\r', '\n').split('\n')[last.end_lineno - 1 :]
    lines[0] = lines[0].encode()[last.end_col_offset :].decode()
    # No string can begin there any more, so every # is a comment.
    for line in lines:
        if ';' in line.split('#', 1)[0]:
            return True
    return False
