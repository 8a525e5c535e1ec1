/**
 * One operation inside an engine: its time limit, its way to be stopped, its output with the journal's limit, and
 * an outcome that is always a value, so that it can be journaled whatever happened.
 */
import { errors, isSojournError } from '../types/errors.js';
import type { SojournError } from '../types/errors.js';
import type {
  EngineDefinition,
  ExecuteOutcome,
  IEngine,
  InterruptReason,
  RunContext,
} from '../types/engine.js';
import type { ExecutionError, OutputEventBody, ResultStatus } from '../types/events.js';
import type { IClock } from '../types/ports.js';

export interface RunRequest {
  readonly operation: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly inputSeq: number;
  /** 0 = no limit. */
  readonly timeoutMs: number;
  readonly controller: AbortController;
  readonly emit: (output: OutputEventBody) => void;
  /** Recovery runs it again. */
  readonly replay?: boolean;
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
  const reason: InterruptReason = 'timeout';
  const timer = timeoutMs > 0 ? clock.setTimer(timeoutMs, () => controller.abort(reason)) : undefined;
  const { inputSeq, emit, replay = false } = request;
  const context: RunContext = { signal: controller.signal, inputSeq, emit, replay };
  const started = clock.monotonic();
  const elapsed = () => Math.round((clock.monotonic() - started) * 1000) / 1000;
  try {
    const runCode = codeRunner(engine, definition, request);
    if (runCode) {
      const execute = await runCode(context);
      if (execute.status === 'timeout') execute.error = timeoutError(timeoutMs, execute.error);
      return { status: execute.status, duration_ms: elapsed(), execute, error: execute.error ?? null };
    }
    if (request.operation === 'clear') {
      if (!engine.clear) throw errors.notSupported(definition.name, 'clear');
      await engine.clear();
      return { status: 'ok', duration_ms: elapsed(), value: {}, error: null };
    }
    const operation = definition.operations?.find((candidate) => candidate.name === request.operation);
    if (!operation) throw new Error(`engine "${definition.name}" has no operation "${request.operation}"`);
    const value: unknown = await operation.run(engine, operation.params.parse(request.params), context);
    return { status: 'ok', duration_ms: elapsed(), value, error: null };
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
  return engine.execute({ code: String(params.code), silent: params.silent === true }, context);
}

function failedOutcome(error: unknown, definition: EngineDefinition, duration_ms: number): RunOutcome {
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
const timeoutError = (timeoutMs: number, error: ExecutionError | null | undefined): ExecutionError => ({
  name: 'TimeoutError',
  message: `It was stopped after ${timeoutMs / 1000} s.`,
  traceback: error?.traceback ?? '',
});

/** Null for what cannot be written as JSON: nested without end, or made by an engine that broke its promise. */
function sizeOf(output: OutputEventBody): number | null {
  if ('text' in output) return Buffer.byteLength(output.text);
  try {
    return JSON.stringify(output).length;
  } catch {
    return null;
  }
}

/** Passes output on until the journal's limit for one run is reached, then counts what was left out. */
export class OutputGate {
  private passed = 0;
  private readonly omitted = new Map<string, number>();

  constructor(
    private readonly limit: number,
    private readonly pass: (output: OutputEventBody) => void,
  ) {}

  readonly emit = (output: OutputEventBody): void => {
    const size = sizeOf(output);
    if (size === null || this.passed + size > this.limit) {
      this.omitted.set(output.type, (this.omitted.get(output.type) ?? 0) + (size ?? 0));
      return;
    }
    this.passed += size;
    this.pass(output);
  };

  /** Marks the gaps and begins to count anew; to be called when the run has ended. */
  close(): void {
    for (const [stream, bytes] of this.omitted) this.pass({ type: 'truncated', stream, bytes });
    this.omitted.clear();
    this.passed = 0;
  }
}
