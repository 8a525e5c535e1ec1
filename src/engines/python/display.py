"""
What a value looks like: a mime bundle made from its repr() and the `_repr_*_` methods that notebooks know.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Callable

from sojourn_kernel.interrupts import Terminated

TEXT_CHARACTERS = 1 << 20
# Richer forms larger than this are left out; the text is always there.
RICH_BYTES = 16 << 20
# JSON that is nested deeper is left out.
DEPTH = 64
# Builtin containers with more items are rendered item by item, so that rendering can stop.
LARGE_ITEMS = 10_000
RICH_METHODS = {
    '_repr_html_': 'text/html',
    '_repr_markdown_': 'text/markdown',
    '_repr_latex_': 'text/latex',
    '_repr_svg_': 'image/svg+xml',
    '_repr_png_': 'image/png',
    '_repr_jpeg_': 'image/jpeg',
    '_repr_json_': 'application/json',
    '_repr_javascript_': 'application/javascript',
}


def mime_bundle(value: Any) -> dict[str, Any]:
    """Mime type to content; binary as base64. An error in repr() is raised, one in a richer form is not."""
    bundle: dict[str, Any] = {'text/plain': text_of(value)}
    if isinstance(value, type):
        return bundle
    kind = type(value)
    if getattr(kind, '_repr_mimebundle_', None) is not None:
        bundle.update(_quietly(lambda: _own_bundle(value)) or {})
    for method, mime in RICH_METHODS.items():
        if mime not in bundle and getattr(kind, method, None) is not None:
            content = _quietly(lambda: _content(getattr(value, method)()))
            if content is not None:
                bundle[mime] = content
    return bundle


def text_of(value: Any) -> str:
    """
    repr(), cut at about a million characters without rendering much more than that where it can be helped.
    """
    kind = type(value)
    if kind in (str, bytes) and len(value) > TEXT_CHARACTERS:
        return _cut(repr(value[:TEXT_CHARACTERS])[:-1], True)
    if kind in (list, tuple, set, frozenset, dict) and len(value) > LARGE_ITEMS:
        return _large_container(value, kind)
    text = repr(value)
    return _cut(text, len(text) > TEXT_CHARACTERS)


def _cut(text: str, cut: bool) -> str:
    return text[:TEXT_CHARACTERS] + '… (cut)' if cut else text


def _large_container(value: Any, kind: type) -> str:
    opening, closing = {
        list: ('[', ']'),
        tuple: ('(', ')'),
        set: ('{', '}'),
        frozenset: ('frozenset({', '})'),
        dict: ('{', '}'),
    }[kind]
    pieces, size = [], 0
    for item in value.items() if kind is dict else value:
        piece = '%s: %s' % (repr(item[0]), repr(item[1])) if kind is dict else repr(item)
        pieces.append(piece)
        size += len(piece) + 2
        if size > TEXT_CHARACTERS:
            return opening + _cut(', '.join(pieces), True)
    return opening + ', '.join(pieces) + closing


def _quietly(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (KeyboardInterrupt, Terminated):
        raise
    except BaseException:  # the text is enough; a broken richer form is no reason to fail a run
        return None


def _own_bundle(value: Any) -> dict[str, Any]:
    made = value._repr_mimebundle_(include=None, exclude=None)
    if isinstance(made, tuple):
        made = made[0]
    contents = {mime: _content(content) for mime, content in made.items() if isinstance(mime, str)}
    return {mime: content for mime, content in contents.items() if content is not None}


def _content(content: Any) -> Any:
    if isinstance(content, tuple):
        content = content[0]
    if isinstance(content, (bytes, bytearray)):
        content = base64.b64encode(content).decode()
    elif not isinstance(content, str) and content is not None:
        json.dumps(content, allow_nan=False)
        return None if _is_deeper_than(DEPTH, content) else content
    return content if content is None or len(content) <= RICH_BYTES else None


def _is_deeper_than(levels: int, content: Any) -> bool:
    if not isinstance(content, (dict, list, tuple)):
        return False
    items = content.values() if isinstance(content, dict) else content
    return levels == 0 or any(_is_deeper_than(levels - 1, item) for item in items)
