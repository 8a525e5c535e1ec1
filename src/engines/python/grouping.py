"""Which nodes of a state must be stored together: pure graph work, no pickling.

Nodes that share a mutable object belong together; so do definitions that refer to each other in a circle.
What only one group refers to is stored with it, which keeps the number of parts near the number of variables.
"""

from __future__ import annotations

from typing import Iterable


class Unions:
    """Disjoint sets of the numbers 0 … count-1; the smallest number names its set."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def find(self, item: int) -> int:
        root = item
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[item] != root:
            self._parent[item], item = root, self._parent[item]
        return root

    def join(self, items: Iterable[int]) -> None:
        roots = sorted({self.find(item) for item in items})
        for root in roots[1:]:
            self._parent[root] = roots[0]


def group(
    count: int,
    together: Iterable[Iterable[int]],
    edges: dict[int, set[int]],
    names: dict[int, int],
    definitions: set[int],
) -> list[list[int]]:
    """
    Groups of nodes, each sorted, that refer to each other without circles.

    `together` are sets that must not be parted and `edges` is what a node refers to. `names` maps a variable
    that is nothing but a name of a definition to that definition; `definitions` are the nodes that are no
    variables.
    """
    unions = Unions(count)
    for items in together:
        unions.join(items)
    for circle in _circles(_quotient(unions, edges, count)):
        unions.join(circle)
    for pair in names.items():
        unions.join(pair)
    for circle in _circles(_quotient(unions, edges, count)):
        unions.join(circle)
    _adopt(unions, edges, count, definitions)
    groups: dict[int, list[int]] = {}
    for node in range(count):
        groups.setdefault(unions.find(node), []).append(node)
    return list(groups.values())


def _quotient(unions: Unions, edges: dict[int, set[int]], count: int) -> dict[int, set[int]]:
    graph: dict[int, set[int]] = {unions.find(node): set() for node in range(count)}
    for node, targets in edges.items():
        source = unions.find(node)
        graph[source].update(root for root in map(unions.find, targets) if root != source)
    return graph


def _adopt(unions: Unions, edges: dict[int, set[int]], count: int, definitions: set[int]) -> None:
    """
    Joins every set of mere definitions that exactly one other set refers to with that one, until there is
    none.
    """
    while True:
        with_variables = {unions.find(node) for node in range(count) if node not in definitions}
        referrers: dict[int, set[int]] = {}
        for source, targets in _quotient(unions, edges, count).items():
            for target in targets - with_variables:
                referrers.setdefault(target, set()).add(source)
        single = [(target, min(sources)) for target, sources in referrers.items() if len(sources) == 1]
        if not single:
            return
        for pair in single:
            unions.join(pair)


def _circles(graph: dict[int, set[int]]) -> list[list[int]]:
    """Strongly connected components (Tarjan), without recursion: chains of definitions may be long."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []
    on_path: set[int] = set()
    found: list[list[int]] = []
    for start in graph:
        if start in order:
            continue
        work = [(start, iter(sorted(graph[start])))]
        order[start] = low[start] = len(order)
        path.append(start)
        on_path.add(start)
        while work:
            node, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    circle = path[path.index(node) :]
                    del path[-len(circle) :]
                    on_path.difference_update(circle)
                    found.append(circle)
            elif target not in order:
                order[target] = low[target] = len(order)
                path.append(target)
                on_path.add(target)
                work.append((target, iter(sorted(graph[target]))))
            elif target in on_path:
                low[node] = min(low[node], order[target])
    return found
