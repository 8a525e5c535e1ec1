/** What a run of a kernel comes to: its outcome, or how it was stopped and what is said of that. */
import type { ExecuteOutcome, InterruptReason, RunContext } from '../../types/engine.js';
import { SojournError } from '../../types/errors.js';
import type { ExecutionError, NotKept, OutputEventBody, ResultStatus } from '../../types/events.js';
import type { Rung } from './interrupt-ladder.js';
import type { ExecuteReply } from './protocol.js';

export interface ScriptRequest {
  readonly path: string;
  readonly args: readonly string[];
}
export interface ScriptOutcome {
  status: ResultStatus;
  returncode: number | null;
}

export type Interrupt = { rung: Rung; ms: number } | null;

export function outcomeOf(reply: ExecuteReply, interrupt: Interrupt, context: RunContext): ExecuteOutcome {
  const { interrupted, ...outcome } = reply;
  // A run that ended by itself while the signal was on its way was not stopped.
  if (interrupt === null || !interrupted) return outcome;
  return { ...outcome, status: reasonOf(context), interrupt };
}

/** A run that never began, or whose kernel had to be ended. */
export function stopped(context: RunContext, interrupt: Interrupt): ExecuteOutcome {
  const message = interrupt
    ? 'The run did not stop when it was interrupted, so its kernel was ended.'
    : 'The run was stopped before it began.';
  const code = interrupt ? 'kernel_died' : undefined;
  const error: ExecutionError = { name: 'Interrupted', message, traceback: '', code };
  return { status: reasonOf(context), error, interrupt: interrupt ?? undefined };
}

export const outputOf = (context: RunContext) => (output: OutputEventBody) =>
  context.emit({ ...output, input_seq: context.inputSeq });

export const isStopped = (context: RunContext): boolean => context.signal.aborted;

export const reasonOf = (context: RunContext): InterruptReason =>
  context.signal.reason === 'timeout' ? 'timeout' : 'interrupted';

/** Why a bounded request was stopped: by whoever asked, or by its own limit. */
export const interruptReason = (signal: AbortSignal | undefined): InterruptReason =>
  signal?.aborted && signal.reason !== 'timeout' ? 'interrupted' : 'timeout';

export const stoppedError = (operation: string, reason: InterruptReason) =>
  new SojournError('timeout', `'${operation}' was stopped before it had an answer.`, { reason });

export function scriptOutcome(
  { returncode, interrupted }: { returncode: number | null; interrupted: boolean },
  context: RunContext,
): ScriptOutcome {
  if (interrupted && isStopped(context)) return { status: reasonOf(context), returncode };
  return { status: returncode === 0 ? 'ok' : 'error', returncode };
}

export const threadLeftBehind = (name: string): NotKept => ({
  name,
  type: 'Thread',
  reason: 'threads do not go along with a fork',
});

/** Of a frozen copy: whoever is at their other ends would have waited for it. */
export const connectionsClosed = (count: number): NotKept[] =>
  count === 0
    ? []
    : [
        {
          name: `${count} open`,
          type: 'pipe or socket',
          reason: 'pipes to other processes and sockets are closed',
        },
      ];
