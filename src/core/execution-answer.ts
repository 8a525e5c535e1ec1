/** Reads the answer to an earlier write back from the journal: the same answer, however often it is asked for. */
import { z } from 'zod';
import { errorTable, SojournError } from '../types/errors.js';
import type { ErrorCode } from '../types/errors.js';
import type { SessionEventBody } from '../types/events.js';
import type { ExecuteResult } from '../types/session.js';
import { ExecutionOutput } from './execution-output.js';
import { readRun } from './run-events.js';
import type { InputEvent, RunArchive } from './run-events.js';

type ResultEvent = Extract<SessionEventBody, { type: 'result' }>;

export interface AnswerContext {
  /** The output belongs to the answer. */
  readonly streams: boolean;
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

/** @throws the error that the write itself ended with */
export async function readAnswer(
  archive: RunArchive,
  input: InputEvent,
  context: AnswerContext,
): Promise<unknown> {
  const output = new ExecutionOutput(context.outputLimit, input.seq);
  const { result, resultSeq } = await readUntilResult(archive, input, output, context.unanswered);
  const receipt = {
    seq: input.seq,
    epoch: context.epoch,
    durable: context.durable,
    durable_seq: resultSeq ?? input.seq,
  };
  const failed = result?.error?.code;
  // An execution that was stopped the hard way has an outcome beside its error.
  if (failed !== undefined && result?.value === undefined)
    throw new SojournError(knownCode(failed), result?.error?.message ?? failed, receipt);
  if (input.operation === 'execute') return executeAnswer(result, output, receipt, context);
  const streamed = context.streams ? streamedAnswer(result, output, context) : {};
  return { ...streamed, ...writeAnswer(result, receipt) };
}

/** Of an operation whose output belongs to its answer. */
const streamedAnswer = (result: ResultEvent | null, output: ExecutionOutput, context: AnswerContext) => ({
  status: statusOf(result, context),
  ...output.toText(),
  duration_ms: result?.duration_ms ?? 0,
});

const statusOf = (result: ResultEvent | null, { unanswered }: AnswerContext) =>
  result?.status ?? (unanswered ? 'running' : 'interrupted');

function executeAnswer(
  result: ResultEvent | null,
  output: ExecutionOutput,
  receipt: Pick<ExecuteResult, 'seq' | 'epoch' | 'durable' | 'durable_seq'>,
  context: AnswerContext,
): ExecuteResult {
  const value = executeValueSchema.safeParse(result?.value ?? {}).data ?? {};
  return {
    ...receipt,
    status: statusOf(result, context),
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
function writeAnswer(
  result: ResultEvent | null,
  receipt: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  if (result?.status === 'interrupted') {
    const detail = 'It was cut off when the server ended, and nobody was told that it was done.';
    throw new SojournError('conflict', detail, { ...receipt, interrupted: true });
  }
  const value = result?.value;
  return typeof value === 'object' && value !== null ? { ...value, ...receipt } : { value, ...receipt };
}

async function readUntilResult(
  archive: RunArchive,
  input: InputEvent,
  output: ExecutionOutput,
  live: boolean,
): Promise<{ result: ResultEvent | null; resultSeq: number | null }> {
  for await (const { body, next } of readRun(archive, input, null, live)) {
    output.add(body);
    if (body.type === 'result') return { result: body, resultSeq: next.seq - 1 };
  }
  return { result: null, resultSeq: null };
}

const knownCode = (code: string): ErrorCode => (code in errorTable ? (code as ErrorCode) : 'internal');
