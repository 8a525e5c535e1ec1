"""
The session's asyncio event loop: made when code first needs one, it runs for code with `await` at the top, and while
the kernel waits for its next request, so that tasks go on between two executions.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import selectors
import types
from typing import Any, Callable

# Code that names one of these needs a running loop although it awaits nothing itself.
LOOP_NAMES = frozenset({'create_task', 'ensure_future', 'get_running_loop', 'current_task', 'call_soon', 'call_later'})
# What may be cancelled in vain when the state is cleared.
CANCEL_ROUNDS = 100


def awaits_at_top(code: types.CodeType) -> bool:
    """True when evaluating it makes a coroutine. A task that is merely its value is nobody's wish to wait."""
    return bool(code.co_flags & inspect.CO_COROUTINE)


def needs_loop(tree: ast.AST, *codes: types.CodeType | None) -> bool:
    """True for code that awaits at its top level or asks for the running loop there."""
    if any(code is not None and awaits_at_top(code) for code in codes):
        return True
    return any(
        (isinstance(node, ast.Attribute) and node.attr in LOOP_NAMES)
        or (isinstance(node, ast.Name) and node.id in LOOP_NAMES)
        for node in _at_top(tree)
    )


def _at_top(tree: ast.AST) -> list[ast.AST]:
    """Every node but those inside functions and classes."""
    found, waiting = [], list(ast.iter_child_nodes(tree))
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))
    return found


class EventLoop:
    """None of its methods may be called from a thread other than the main one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def repair(self) -> None:
        """Before a run: the loop is the main thread's, whatever `asyncio.run` left behind."""
        if self._loop is not None:
            if self._loop.is_closed():
                self._loop = None
            asyncio.set_event_loop(self._loop)

    def run(self, work: Callable[[], Any], awaits: bool) -> Any:
        """Calls `work` inside the running loop. `awaits`: it makes a coroutine, whose value is meant."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        task = self._loop.create_task(_outcome(work, awaits))
        try:
            failure, value = self._loop.run_until_complete(task)
        except BaseException:  # an interrupt while the loop waited
            if not task.done():
                task.cancel()
                self._loop.run_until_complete(task)
            raise
        if failure is not None:
            raise failure
        return value

    def has_work(self) -> bool:
        """True when a task, a timer or a reader of the session waits."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return False
        scheduled: Any = getattr(loop, '_scheduled', ())
        ready: Any = getattr(loop, '_ready', ())
        return bool(scheduled or ready or asyncio.all_tasks(loop))

    def run_until_readable(self, descriptor: int) -> None:
        """Lets tasks go on until there is something to read."""
        loop = self._loop
        assert loop is not None
        loop.add_reader(descriptor, loop.stop)
        try:
            loop.run_forever()
        finally:
            loop.remove_reader(descriptor)

    def clear(self) -> None:
        """Cancels every task and forgets the loop."""
        loop, self._loop = self._loop, None
        if loop is None or loop.is_closed():
            return
        for _ in range(CANCEL_ROUNDS):
            tasks = asyncio.all_tasks(loop)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks, timeout=0.05))
        loop.close()
        asyncio.set_event_loop(None)

    def own_descriptors(self) -> set[int]:
        """Of the sockets with which the loop wakes itself."""
        loop: Any = self._loop
        if loop is None or loop.is_closed():
            return set()
        return {loop._ssock.fileno(), loop._csock.fileno()}

    def after_live_fork(self) -> None:
        """In the kernel of a forked session: a poll set of its own, for the one it has is its parent's."""
        loop: Any = self._loop
        if loop is None or loop.is_closed():
            return
        mine = selectors.DefaultSelector()
        for key in list(loop._selector.get_map().values()):
            if key.fileobj != loop._ssock.fileno() and key.fileobj is not loop._ssock:
                mine.register(key.fileobj, key.events, key.data)
        loop._selector = mine
        loop._make_self_pipe()


async def _outcome(work: Callable[[], Any], awaits: bool) -> tuple[BaseException | None, Any]:
    """A failure is handed out as a value, so that its traceback has no frames of the loop."""
    try:
        value = work()
        return None, (await value if awaits else value)
    except BaseException as failure:
        return failure, None
