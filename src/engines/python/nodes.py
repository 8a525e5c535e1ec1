"""The state as a graph of nodes, variables and definitions, pickled one by one, then grouped and pickled as
parts.

A node that cannot be stored is named with its reason and takes only those with it that need it.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import hashlib
import pathlib
import re
import sys
import types
import typing
import uuid
from typing import Any, Iterator

from sojourn_kernel.arrays import SharedMemory, numpy
from sojourn_kernel.classes import Step
from sojourn_kernel.grouping import group
from sojourn_kernel.definitions import Definitions, LimitedBuffer, TooLarge
from sojourn_kernel.pickler import ScopePickler, SessionPickler
from sojourn_kernel.previews import type_name
from sojourn_kernel.reasons import Budget, megabytes, reason_of

# Sharing these, or subclasses without a __dict__, ties nothing together: they cannot change.
FIXED = (
    str,
    bytes,
    int,
    float,
    complex,
    tuple,
    frozenset,
    range,
    slice,
    types.FunctionType,
    types.CodeType,
    types.BuiltinFunctionType,
    types.ModuleType,
    types.GenericAlias,
    type,
    property,
    staticmethod,
    classmethod,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    decimal.Decimal,
    fractions.Fraction,
    uuid.UUID,
    pathlib.PurePath,
    re.Pattern,
    enum.Enum,
    Step,
    typing.TypeVar,
    type(typing.List[int]),
)
VALUES = (
    str,
    bytes,
    int,
    float,
    complex,
    tuple,
    frozenset,
    datetime.date,
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
    fractions.Fraction,
)

# More is not hashed by itself: its part is.
DIGEST_BYTES = 1 << 20


class Node:
    """A variable or a definition."""

    def __init__(self, index: int, label: str, value: Any, is_definition: bool) -> None:
        self.index = index
        self.label = label
        self.value = value
        self.is_definition = is_definition
        self.data = b''
        # Of `data`, also when that is given away; a large one has none.
        self.digest = ''
        self.size = 0
        self.references: set[int] = set()
        self.failure: str | None = None

    def name(self) -> str:
        return self.label[2:]


class Part(typing.NamedTuple):
    """Nodes that are stored together, and their pickle: a dict from label to value."""

    name: str
    nodes: list[Node]
    data: bytes


class StateGraph:
    """Takes the variables in; gives the parts and the names of what could not be kept."""

    def __init__(self, main: types.ModuleType, variable_bytes: int, session_bytes: int) -> None:
        self.definitions = Definitions(main)
        self._memory = SharedMemory()
        self._variable_bytes = variable_bytes
        self._session_bytes = session_bytes
        self._budget = Budget()
        self._total = 0
        self._nodes: list[Node] = []
        self._definition_nodes: dict[int, Node] = {}
        # Mutable object -> the first node it was met in. The object is held, so that its id stays its own.
        self._met: dict[int, tuple[int, Any]] = {}
        self._shared: list[set[int]] = []
        self._fixed_types: dict[int, tuple[type, bool]] = {}

    def add(self, variables: dict[str, Any]) -> None:
        """First pass: every variable by itself, then every definition they lead to."""
        for name, value in variables.items():
            self._measure(Node(len(self._nodes), 'v:' + name, value, False))
        done = 0
        while done < len(self.definitions.found):
            item = self.definitions.found[done]
            node = Node(len(self._nodes), 'd:' + self.definitions.key_of(item), item, True)
            self._definition_nodes[id(item)] = node
            self._measure(node)
            done += 1
        self._spread_failures()

    def not_kept(self) -> list[dict[str, str]]:
        # `_` is only the last result again; nobody misses it.
        return [
            {'name': node.name(), 'type': type_name(node.value), 'reason': node.failure}
            for node in self._nodes
            if node.failure and not node.is_definition and node.name() != '_'
        ]

    def kept(self) -> list[Node]:
        return [node for node in self._nodes if node.failure is None and not node.is_definition]

    def needed_by(self, node: Node) -> list[Node]:
        """All definitions that it leads to."""
        found: dict[int, Node] = {}
        waiting = [self._definition_nodes[item] for item in node.references]
        while waiting:
            needed = waiting.pop()
            if needed.index not in found:
                found[needed.index] = needed
                waiting.extend(self._definition_nodes[item] for item in needed.references)
        return list(found.values())

    def parts(self) -> Iterator[Part]:
        """Second pass. A group that fails here fails as a whole, and its variables are named."""
        alive = self._alive()
        edges = {
            node.index: {self._definition_nodes[item].index for item in node.references}
            for node in self._nodes
            if node.index in alive
        }
        remembered = self._memory.join(alive)
        together = [both for both in self._shared if both <= alive] + remembered
        names = {
            node.index: self._definition_nodes[id(node.value)].index
            for node in self._nodes
            if node.index in alive and not node.is_definition and id(node.value) in self._definition_nodes
        }
        rewritten: set[int] = set().union(*remembered)
        definitions = {node.index for node in self._nodes if node.is_definition}
        for indexes in group(len(self._nodes), together, edges, names, definitions):
            nodes = [self._nodes[index] for index in indexes if index in alive]
            if not nodes:
                continue
            first = next((node for node in nodes if not node.is_definition), nodes[0])
            if len(nodes) > 1 or nodes[0].index in rewritten:
                data = self._write_together(nodes)
            else:
                data, nodes[0].data = nodes[0].data, b''
            if data:
                yield Part(first.label, nodes, data)

    def _measure(self, node: Node) -> None:
        self._nodes.append(node)
        limit = min(self._variable_bytes, self._session_bytes - self._total)
        buffer = LimitedBuffer(limit)
        inline = {id(node.value)} if node.is_definition else set()
        pickler = SessionPickler(buffer, self.definitions, self._memory, inline, node.index)
        try:
            self._budget.run(lambda: pickler.dump({node.label: node.value}))
        except TooLarge:
            node.failure = self._limit_reason(limit)
        except BaseException as error:  # user code runs in here, and it may raise anything
            node.failure = reason_of(error)
        else:
            node.data = buffer.getvalue()
            node.references = pickler.references
            node.size = len(node.data)
            if node.size <= DIGEST_BYTES:
                node.digest = hashlib.blake2b(node.data, digest_size=12).hexdigest()
            self._total += node.size
            self._note_sharing(node, pickler)

    def _note_sharing(self, node: Node, pickler: SessionPickler) -> None:
        fixed = pickler.fixed()
        met = [
            (ident, item)
            for ident, (_, item) in pickler.memo.copy().items()  # type: ignore[attr-defined]
            if ident not in fixed and not self._is_fixed(type(item))
        ]
        for ident, item in [*met, *pickler.scopes.items()]:
            first, _ = self._met.setdefault(ident, (node.index, item))
            if first != node.index:
                self._shared.append({first, node.index})

    def _is_fixed(self, kind: type) -> bool:
        known = self._fixed_types.get(id(kind))
        if known is None:
            fixed = issubclass(kind, FIXED) and not (issubclass(kind, VALUES) and bool(kind.__dictoffset__))
            module = numpy()
            if module is not None and issubclass(kind, (module.generic, module.dtype)):
                fixed = True
            known = self._fixed_types[id(kind)] = (kind, fixed or _is_pandas_label(kind))
        return known[1]

    def _limit_reason(self, limit: int) -> str:
        if limit == self._variable_bytes:
            return 'larger than %s, the limit for one variable (limits.variable_bytes)' % megabytes(limit)
        return (
            'the variables together are larger than %s, the limit for one session (limits.session_bytes)'
            % (megabytes(self._session_bytes))
        )

    def _spread_failures(self) -> None:
        changed = True
        while changed:
            changed = False
            for node in self._nodes:
                if node.failure is not None:
                    continue
                broken = [
                    self._definition_nodes[item]
                    for item in node.references
                    if self._definition_nodes[item].failure
                ]
                if broken:
                    same = broken[0].value is node.value
                    what = getattr(broken[0].value, '__qualname__', broken[0].name())
                    node.failure = (
                        broken[0].failure
                        if same
                        else ("needs '%s', which cannot be stored: %s" % (what, broken[0].failure))
                    )
                    node.data = b''
                    changed = True

    def _alive(self) -> set[int]:
        """The variables that can be stored and the definitions that they need."""
        alive: set[int] = set()
        waiting = self.kept()
        while waiting:
            node = waiting.pop()
            if node.index not in alive:
                alive.add(node.index)
                waiting.extend(self._definition_nodes[item] for item in node.references)
        return alive

    def _write_together(self, nodes: list[Node]) -> bytes:
        definitions = [node for node in nodes if node.is_definition]
        variables = [node for node in nodes if not node.is_definition]
        buffer = LimitedBuffer(self._session_bytes)
        inline = {id(node.value) for node in definitions}
        kind = ScopePickler if self.definitions.shells else SessionPickler
        pickler = kind(buffer, self.definitions, self._memory, inline, None)
        try:
            self._budget.run(
                lambda: pickler.dump({node.label: node.value for node in definitions + variables})
            )
        except BaseException as error:
            reason = self._limit_reason(-1) if isinstance(error, TooLarge) else reason_of(error)
            for node in nodes:
                node.failure = reason
            return b''
        for node in nodes:
            node.data = b''
        return buffer.getvalue()


def _is_pandas_label(kind: type) -> bool:
    pandas = sys.modules.get('pandas')
    labels = tuple(found for found in (getattr(pandas, 'Index', None),) if isinstance(found, type))
    types_ = getattr(getattr(getattr(pandas, 'api', None), 'extensions', None), 'ExtensionDtype', None)
    return issubclass(kind, labels + ((types_,) if isinstance(types_, type) else ()))
