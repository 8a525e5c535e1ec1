"""Runs code in the session's `__main__`, like the interactive interpreter does.

The last expression is shown; errors come with a traceback that begins in the user's code. Before each run
what earlier code may have broken is put right: streams, signal handlers, builtins, `__main__`.
"""

from __future__ import annotations

import ast
import builtins
import os
import sys
import traceback
import types
import __future__
from typing import Any, Callable

from sojourn_kernel import rebuild
from sojourn_kernel.cells import Cells
from sojourn_kernel.event_loop import EventLoop, awaits_at_top, needs_loop
from sojourn_kernel.interrupts import Interrupts, Terminated
from sojourn_kernel.output import Output, TextStream
from sojourn_kernel.showing import Showing
from sojourn_kernel.source_text import ends_with_semicolon
from sojourn_kernel.stdin import Console

OUR_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep
FUTURE_FLAGS = 0
for _feature in __future__.all_feature_names:
    FUTURE_FLAGS |= getattr(__future__, _feature).compiler_flag
MESSAGE_CHARACTERS = 65536


class Runner:
    """The session's namespace and what runs in it."""

    def __init__(self, output: Output, interrupts: Interrupts, console: Console) -> None:
        self.output = output
        self.console = console
        self.interrupts = interrupts
        self.cells = Cells()
        self.loop = EventLoop()
        self.execution_count = 0
        self.future_flags = 0
        self.main = types.ModuleType('__main__')
        self.namespace = self.main.__dict__
        console.install()
        self._streams = {name: TextStream(output, name) for name in ('stdout', 'stderr')}
        self.showing = Showing(output)
        self.showing.install()
        rebuild.home.display = self.showing.display
        rebuild.home.clear_output = self.showing.clear_output
        builtins.display = rebuild.display  # type: ignore[attr-defined]
        self._builtins = dict(vars(builtins))
        self._pid = os.getpid()
        self.clear()

    def clear(self) -> None:
        """An empty `__main__`; the module object stays, so functions that live elsewhere still find it."""
        self.loop.clear()
        self.namespace.clear()
        self.namespace.update(
            __name__='__main__', __doc__=None, __package__=None, __loader__=None, __spec__=None
        )
        self.namespace['__builtins__'] = builtins
        self.future_flags = 0

    def move(self) -> None:
        """In the kernel of a live fork."""
        self._pid = os.getpid()
        self.loop.after_live_fork()

    def repair(self) -> None:
        """Puts back what a run needs, whatever the code before it did."""
        sys.stdout = sys.__stdout__ = self._streams['stdout']  # type: ignore[misc, assignment]
        sys.stderr = sys.__stderr__ = self._streams['stderr']  # type: ignore[misc, assignment]
        self.output.repair()
        self.console.repair()
        sys.modules['__main__'] = self.main
        sys.modules['builtins'] = builtins
        # Only what is missing comes back: a patched builtin may be meant.
        if not self._builtins.keys() <= vars(builtins).keys():
            for name, value in self._builtins.items():
                vars(builtins).setdefault(name, value)
        self.namespace['__builtins__'] = builtins
        self.namespace['__name__'] = '__main__'
        self.loop.repair()
        self.interrupts.install()

    def restore_builtins(self) -> None:
        """All as they were at the start, for a copy that no user code will see."""
        vars(builtins).update(self._builtins)

    def provide(self, names: dict[str, Any]) -> None:
        """Names that every run finds without importing them, beside the builtins."""
        self._builtins.update(names)
        vars(builtins).update(names)

    def execute(self, code: str, cell: str, silent: bool) -> dict[str, Any]:
        """One run. Output and result are sent on the way; the outcome comes back."""
        self.cells.remember(cell, code)
        self.repair()
        if not silent:
            self.execution_count += 1
        outcome: dict[str, Any] = {'status': 'ok', 'error': None, 'should_exit': False}
        self.interrupts.seen = False
        try:
            try:
                self.interrupts.guarded(lambda: self.showing.around(lambda: self._run(code, cell, silent)))
            finally:
                if os.getpid() != self._pid:
                    os._exit(0)  # a child that user code forked and let run on: only the parent answers
        except SystemExit as error:
            message = '' if error.code is None else _safe_text(error.code)
            outcome.update(status='error', should_exit=True, error=_error_fields(error, message, ''))
        except Terminated:
            raise
        except BaseException as error:
            status = (
                'interrupted' if isinstance(error, KeyboardInterrupt) and self.interrupts.seen else 'error'
            )
            outcome.update(status=status, error=self.describe(error))
        self.output.finish()
        outcome['interrupted'] = self.interrupts.seen
        outcome['execution_count'] = None if silent else self.execution_count
        return outcome

    def _run(self, code: str, cell: str, silent: bool) -> None:
        flags = self.future_flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        tree = compile(code, cell, 'exec', flags | ast.PyCF_ONLY_AST, dont_inherit=True)
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not silent:
            if not ends_with_semicolon(code, tree.body[-1]):
                last = ast.Expression(tree.body.pop().value)
        body = compile(tree, cell, 'exec', flags, dont_inherit=True)
        self.future_flags |= body.co_flags & FUTURE_FLAGS
        flags |= self.future_flags
        shown = compile(last, cell, 'eval', flags, dont_inherit=True) if last else None
        if needs_loop(tree, body, shown) or (last is not None and needs_loop(last)):
            run = self.loop.run
        else:
            run = _call
        if tree.body:
            run(lambda: eval(body, self.namespace), awaits_at_top(body))
        if shown is not None:
            value = run(lambda: eval(shown, self.namespace), awaits_at_top(shown))
            if value is not None:
                self.namespace['_'] = value
                self.showing.result(value)

    def describe(self, error: BaseException) -> dict[str, str]:
        """Name, message and traceback, without our own frames."""
        self.cells.publish()
        try:
            report = traceback.TracebackException.from_exception(error)
            _leave_out_our_frames(report, set())
            text = ''.join(report.format())
        except BaseException as failure:  # __str__, __cause__ and others may be the user's
            text = '%s (its traceback cannot be shown: %s)' % (type(error).__name__, type(failure).__name__)
        # The text of a syntax error repeats the place, which the traceback shows.
        message = error.msg if isinstance(error, SyntaxError) else error
        return _error_fields(error, _safe_text(message), text)


def _call(work: Callable[[], Any], _awaits: bool) -> Any:
    return work()


def _error_fields(error: BaseException, message: str, text: str) -> dict[str, str]:
    if len(text) > 2 * MESSAGE_CHARACTERS:
        text = text[:MESSAGE_CHARACTERS] + '\n… (cut) …\n' + text[-MESSAGE_CHARACTERS:]
    return {'name': type(error).__name__, 'message': message, 'traceback': text}


def _safe_text(value: object) -> str:
    try:
        return str(value)[:MESSAGE_CHARACTERS]
    except BaseException:  # the user's own __str__
        return '<%s that cannot be shown>' % type(value).__name__


def _leave_out_our_frames(report: Any, seen: set[int]) -> None:
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    if report.stack is not None:
        kept = [frame for frame in report.stack if not frame.filename.startswith(OUR_FOLDER)]
        report.stack = traceback.StackSummary.from_list(kept)
    _leave_out_our_frames(report.__cause__, seen)
    _leave_out_our_frames(report.__context__, seen)
    for part in getattr(report, 'exceptions', None) or ():
        _leave_out_our_frames(part, seen)
