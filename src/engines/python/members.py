"""What a checkpoint says of each variable, so that two of them can be compared without being restored."""

from __future__ import annotations

import hashlib
from typing import Any

from sojourn_kernel.nodes import Node, Part, StateGraph
from sojourn_kernel.previews import preview, type_name

# A manifest is read whole at each restore: it stays small however many variables there are.
LISTED = 10_000
PREVIEWED = 500
PREVIEW_CHARACTERS = 120
NAME_CHARACTERS = 1000


class Fingerprints:
    """Tells contents apart: of a variable together with the definitions that it needs."""

    def __init__(self, graph: StateGraph) -> None:
        self._graph = graph
        self._of_parts: dict[int, str] = {}

    def add(self, part: Part) -> None:
        # Bytes of a large variable that is stored by itself are hashed once.
        if all(node.digest for node in part.nodes):
            return
        found = digest_of(part.data)
        for node in part.nodes:
            self._of_parts[node.index] = found

    def of(self, node: Node) -> str:
        needed = sorted(self._own(other) for other in self._graph.needed_by(node))
        return digest_of(' '.join([self._own(node), *needed]).encode()) if needed else self._own(node)

    def _own(self, node: Node) -> str:
        return node.digest or self._of_parts.get(node.index, '')


def digest_of(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def members(graph: StateGraph, imports: list[dict[str, str]], fingerprints: Fingerprints) -> list[list[Any]]:
    """[name, type, bytes stored, fingerprint, preview] of each variable; without previews where there are many."""
    found: list[list[Any]] = [
        [entry['name'], 'module', 0, digest_of(repr(sorted(entry.items())).encode())]
        for entry in imports
        if 'attribute' not in entry
    ]
    nodes = [node for node in graph.kept() if not node.name().startswith('_')]
    for node in nodes[: LISTED - len(found)]:
        entry = [node.name()[:NAME_CHARACTERS], type_name(node.value), node.size, fingerprints.of(node)]
        if len(found) < PREVIEWED:
            entry.append(preview(node.value, PREVIEW_CHARACTERS))
        found.append(entry)
    return found
