/** Reads the answer to an earlier write back from the journal: the same answer, however often it is asked for. */
import { z } from 'zod';
import { errorTable, SojournError } from '../types/errors.js';
import type { ErrorCode } from '../types/errors.js';
import type { SessionEvent } from '../types/events.js';
import type { ExecuteResult } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';
import { ExecutionOutput } from './execution-output.js';

type InputEvent = Extract<SessionEvent, { type: 'input' }>;
type ResultEvent = Extract<SessionEvent, { type: 'result' }>;

export interface AnswerContext {
  /** It waits or runs in this process. */
  readonly unanswered: boolean;
  readonly epoch: number;
  readonly durable: boolean;
  readonly outputLimit: number;
}

const executeValueSchema = z.object({
  execution_count: z.number().int().nullish(),
  should_exit: z.boolean().optional(),
  interrupt: z.object({ rung: z.enum(['signal', 'terminate', 'kill']), ms: z.number() }).optional(),
  new_files: z.array(z.string()).optional(),
  new_files_complete: z.boolean().optional(),
});

const pageSize = 1000;

/** @throws the error that the write itself ended with */
export async function readAnswer(
  store: ISessionStore,
  input: InputEvent,
  context: AnswerContext,
): Promise<unknown> {
  const output = new ExecutionOutput(context.outputLimit);
  const result = await readUntilResult(store, input, output);
  const receipt = {
    seq: input.seq,
    epoch: context.epoch,
    durable: context.durable,
    durable_seq: result?.seq ?? input.seq,
  };
  const failed = result?.error?.code;
  // An execution that was stopped the hard way has an outcome beside its error.
  if (failed !== undefined && result?.value === undefined)
    throw new SojournError(knownCode(failed), result?.error?.message ?? failed, receipt);
  if (input.operation === 'execute') return executeAnswer(result, output, receipt, context);
  return writeAnswer(result, receipt);
}

function executeAnswer(
  result: ResultEvent | null,
  output: ExecutionOutput,
  receipt: Pick<ExecuteResult, 'seq' | 'epoch' | 'durable' | 'durable_seq'>,
  context: AnswerContext,
): ExecuteResult {
  const value = executeValueSchema.safeParse(result?.value ?? {}).data ?? {};
  const open = context.unanswered ? 'running' : 'interrupted';
  return {
    ...receipt,
    status: result?.status ?? open,
    ...output.toResult(),
    should_exit: value.should_exit ?? false,
    error: result?.error ?? null,
    execution_count: value.execution_count ?? null,
    duration_ms: result?.duration_ms ?? 0,
    ...(value.interrupt ? { interrupt: value.interrupt } : {}),
    ...changedFiles(value),
  };
}

const changedFiles = ({ new_files, new_files_complete }: z.output<typeof executeValueSchema>) => ({
  ...(new_files ? { new_files } : {}),
  ...(new_files_complete === undefined ? {} : { new_files_complete }),
});

/** Of an operation other than `execute`. */
function writeAnswer(result: ResultEvent | null, receipt: Readonly<Record<string, unknown>>): unknown {
  if (result?.status === 'interrupted') {
    const detail = 'It was cut off when the server ended, and nobody was told that it was done.';
    throw new SojournError('conflict', detail, { ...receipt, interrupted: true });
  }
  const value = result?.value;
  return typeof value === 'object' && value !== null ? { ...value, ...receipt } : { value, ...receipt };
}

async function readUntilResult(
  store: ISessionStore,
  input: InputEvent,
  output: ExecutionOutput,
): Promise<ResultEvent | null> {
  let from = input.seq + 1;
  for (;;) {
    const events = await store.readJournal(input.session_id, from, pageSize);
    for (const event of events) {
      if (!('input_seq' in event) || event.input_seq !== input.seq) continue;
      output.add(event);
      if (event.type === 'result') return event;
    }
    const last = events.at(-1);
    if (!last || events.length < pageSize) return null;
    from = last.seq + 1;
  }
}

const knownCode = (code: string): ErrorCode => (code in errorTable ? (code as ErrorCode) : 'internal');
