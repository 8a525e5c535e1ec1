/**
 * One operation inside an engine: its time limit, its way to be stopped, and an outcome that is always a value, so
 * that it can be journaled whatever happened.
 */
import { z } from 'zod';
import { errors, isSojournError } from '../types/errors.js';
import type { SojournError } from '../types/errors.js';
import type {
  EngineDefinition,
  ExecuteOutcome,
  IEngine,
  InterruptReason,
  RunContext,
  VersionReached,
} from '../types/engine.js';
import { resultStatusSchema } from '../types/events.js';
import type { ExecutionError, ResultStatus } from '../types/events.js';
import type { IClock } from '../types/ports.js';
import type { SessionPatch } from '../types/session.js';
import type { Moved } from './journal-steps.js';

export interface RunRequest {
  readonly operation: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly inputSeq: number;
  /** 0 = no limit. */
  readonly timeoutMs: number;
  readonly controller: AbortController;
  readonly emit: RunContext['emit'];
  /** Recovery runs it again. */
  readonly replay?: boolean;
  readonly backlog?: RunContext['backlog'];
  readonly requestInput?: RunContext['requestInput'];
  readonly ask?: RunContext['ask'];
  /** True while the run waits for input. */
  readonly isWaiting?: () => boolean;
}

export interface RunOutcome {
  readonly status: ResultStatus;
  readonly duration_ms: number;
  /** What an operation other than `execute` answered. */
  readonly value?: unknown;
  readonly execute?: ExecuteOutcome;
  /** Files that are new or changed, where that was asked for. */
  readonly changed?: { readonly new_files: string[]; readonly new_files_complete?: boolean };
  readonly error: ExecutionError | null;
  /** The session has gone to another moment, or stayed when asked to: the journal's word, and the record's change. */
  readonly moved?: Moved | null;
  readonly patch?: SessionPatch;
  /** To be thrown at the caller once it is journaled. */
  readonly failure?: SojournError | Error;
}

export async function runInEngine(
  engine: IEngine,
  definition: EngineDefinition,
  request: RunRequest,
  clock: IClock,
): Promise<RunOutcome> {
  const { controller, timeoutMs } = request;
  let waited = false;
  const stop = () => {
    waited = request.isWaiting?.() ?? false;
    controller.abort('timeout' satisfies InterruptReason);
  };
  const timer = timeoutMs > 0 ? clock.setTimer(timeoutMs, stop) : undefined;
  const { inputSeq, emit, backlog, requestInput, ask, replay = false } = request;
  const context: RunContext = {
    signal: controller.signal,
    inputSeq,
    emit,
    backlog,
    requestInput,
    ask,
    replay,
  };
  const started = clock.monotonic();
  const elapsed = () => Math.round((clock.monotonic() - started) * 1000) / 1000;
  try {
    const runCode = codeRunner(engine, definition, request);
    if (runCode) {
      const execute = await runCode(context);
      if (execute.status === 'timeout') execute.error = timeoutError(timeoutMs, execute.error, waited);
      return { status: execute.status, duration_ms: elapsed(), execute, error: execute.error ?? null };
    }
    if (request.operation === 'clear') {
      if (!engine.clear) throw errors.notSupported(definition.name, 'clear');
      await engine.clear();
      return { status: 'ok', duration_ms: elapsed(), value: {}, error: null };
    }
    const moved = moveVersion(engine, definition, request);
    if (moved) {
      const { reached_seq, steps } = await moved;
      const value = { reached_seq, steps, exact: true };
      return { status: 'ok', duration_ms: elapsed(), value, error: null };
    }
    const operation = definition.operations?.find((candidate) => candidate.name === request.operation);
    if (!operation) throw new Error(`engine "${definition.name}" has no operation "${request.operation}"`);
    const value: unknown = await operation.run(engine, operation.params.parse(request.params), context);
    const status = operation.streams === true ? statusOf(value) : 'ok';
    const error = status === 'timeout' ? timeoutError(timeoutMs, null, false) : null;
    return { status, duration_ms: elapsed(), value, error };
  } catch (error) {
    return failedOutcome(error, definition, elapsed());
  } finally {
    timer?.cancel();
  }
}

/** Undefined for operations that run no code. */
function codeRunner(
  engine: IEngine,
  definition: EngineDefinition,
  { operation, params }: RunRequest,
): ((context: RunContext) => Promise<ExecuteOutcome>) | undefined {
  if (operation === 'execute') return (context) => execute(engine, definition, params, context);
  const found = definition.stateless?.find((candidate) => candidate.name === operation);
  return found && ((context) => found.run(engine, found.params.parse(params), context));
}

/** Undefined for what is no move between versions. */
function moveVersion(
  { versions }: IEngine,
  definition: EngineDefinition,
  { operation, params, inputSeq }: RunRequest,
): Promise<VersionReached> | undefined {
  if (operation !== 'undo' && operation !== 'redo' && operation !== 'goto') return undefined;
  if (!versions) throw errors.notSupported(definition.name, operation);
  if (operation === 'goto') return versions.goto(Number(params.seq), inputSeq);
  return versions[operation](Number(params.steps), inputSeq);
}

async function execute(
  engine: IEngine,
  definition: EngineDefinition,
  params: RunRequest['params'],
  context: RunContext,
): Promise<ExecuteOutcome> {
  if (!engine.execute) throw new Error('the engine declares execute and has none');
  if (params.clear_first === true) {
    if (!engine.clear) throw errors.notSupported(definition.name, 'clear');
    await engine.clear();
  }
  const { code, silent, allow_input } = params;
  const request = { code: String(code), silent: silent === true, allowInput: allow_input !== false };
  return engine.execute(request, context);
}

/** What an operation that streams says of its run. */
const statusOf = (value: unknown): ResultStatus =>
  z.object({ status: resultStatusSchema }).parse(value).status;

export function failedOutcome(error: unknown, definition: EngineDefinition, duration_ms: number): RunOutcome {
  if (isSojournError(error)) {
    const described = { name: error.code, message: error.detail, traceback: '', code: error.code };
    return { status: 'error', duration_ms, error: described, failure: error };
  }
  const cause = error instanceof Error ? error : new Error(String(error));
  const failure = new Error(`engine "${definition.name}" failed: ${cause.message}`, { cause });
  const described = { name: 'internal', message: 'The engine failed.', traceback: '', code: 'internal' };
  return { status: 'error', duration_ms, error: described, failure };
}

/** The engine stopped it as for any interrupt; that it was the time is known here. */
function timeoutError(
  timeoutMs: number,
  error: ExecutionError | null | undefined,
  waited: boolean,
): ExecutionError {
  const why = waited ? ' while input() waited for an answer, which reply_input gives' : '';
  const message = `It was stopped after ${timeoutMs / 1000} s${why}.`;
  return { name: 'TimeoutError', message, traceback: error?.traceback ?? '' };
}
