/**
 * Recovery = newest checkpoint + the acknowledged inputs after it, run again in the order in which they ended.
 * An input without an answer is never run again.
 */
import type { SessionEvent } from '../types/events.js';
import { SojournError } from '../types/errors.js';
import type { SessionRecord } from '../types/session.js';
import type { CheckpointRecord, ISessionStore } from '../types/store.js';
import { z } from 'zod';

type InputEvent = Extract<SessionEvent, { type: 'input' }>;
type ResultEvent = Extract<SessionEvent, { type: 'result' }>;

export interface ReplayInput {
  readonly seq: number;
  readonly operation: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** What it was answered when it asked for input; null is the end of input. */
  readonly replies: readonly (string | null)[];
  /** How long it took the first time, in milliseconds. */
  readonly durationMs: number;
}

export interface RecoveryPlan {
  readonly checkpoint: CheckpointRecord | null;
  readonly replay: readonly ReplayInput[];
  /** When the first input after the checkpoint came, ISO 8601 UTC; null when there was none. */
  readonly firstInputAt: string | null;
  /** Inputs after the checkpoint that ended but must not be run again: their effect is gone. */
  readonly lost: readonly number[];
  /** Inputs that never got an answer. */
  readonly open: readonly number[];
  /** The last seq that is no mere rebuild of the live state. */
  readonly contentSeq: number;
}

const seqs = z.array(z.number().int()).default([]);
/**
 * Inputs of the time before the checkpoint whose results came after it: those that still waited, and those that the
 * checkpoint was taken for.
 */
const unfinishedSchema = z.object({ pending: seqs, applied: seqs });

const pageSize = 2000;

/** @throws storage_error when the journal or the checkpoint cannot be trusted */
export async function planRecovery(
  store: ISessionStore,
  record: SessionRecord,
  mayReplay: boolean,
): Promise<RecoveryPlan> {
  const checkpoint = await headCheckpoint(store, record);
  const covered = checkpoint?.seq ?? -1;
  const unfinished = unfinishedSchema.parse(checkpoint?.manifest ?? {});
  const applied = new Set(unfinished.applied);
  const earlier = new Set([...unfinished.pending, ...applied]);
  const inputs = new Map<number, InputEvent>();
  const questions = new Questions();
  const ended: { input: InputEvent; result: ResultEvent }[] = [];
  let contentSeq = covered;
  for await (const event of journalFrom(store, record, Math.min(covered + 1, ...earlier))) {
    if (event.type !== 'epoch') contentSeq = Math.max(contentSeq, event.seq);
    if (event.type === 'input' && (event.seq > covered || earlier.has(event.seq)))
      inputs.set(event.seq, event);
    questions.add(event);
    const input = event.type === 'result' ? inputs.get(event.input_seq) : undefined;
    if (event.type !== 'result' || !input) continue;
    inputs.delete(event.input_seq);
    if (!applied.has(input.seq)) ended.push({ input, result: event });
  }
  const again = ended.filter(
    ({ input, result }) => mayReplay && isReplayable(input, result) && !questions.hasSecret(input.seq),
  );
  const replay = again.map(({ input, result }) => ({
    seq: input.seq,
    operation: input.operation,
    params: input.params,
    replies: questions.replies(input.seq),
    durationMs: result.duration_ms,
  }));
  const replayed = new Set(replay.map((input) => input.seq));
  const lost = ended.filter(({ input, result }) => !replayed.has(input.seq) && hadEffect(result));
  return {
    checkpoint,
    replay,
    firstInputAt: earliest([...ended.map(({ input }) => input), ...inputs.values()]),
    lost: lost.map(({ input }) => input.seq),
    open: [...inputs.keys()],
    contentSeq,
  };
}

function earliest(inputs: readonly InputEvent[]): string | null {
  const [first] = [...inputs].sort((one, other) => one.seq - other.seq);
  return first?.at ?? null;
}

/** What inputs asked for, in order, and what they were told. */
class Questions {
  private readonly asked = new Map<number, Map<number, string | null>>();
  private readonly secret = new Set<number>();

  add(event: SessionEvent): void {
    if (event.type !== 'input_request' && event.type !== 'input_reply') return;
    const seq = event.input_seq ?? -1;
    const answers = this.asked.get(seq) ?? new Map<number, string | null>();
    this.asked.set(seq, answers);
    if (event.type === 'input_request') answers.set(event.seq, null);
    else answers.set(event.input_id, event.value ?? null);
    if (event.type === 'input_reply' && event.password === true) this.secret.add(seq);
  }

  replies(seq: number): (string | null)[] {
    return [...(this.asked.get(seq)?.values() ?? [])];
  }

  /** True when it was told a password, which nobody knows any more. */
  hasSecret(seq: number): boolean {
    return this.secret.has(seq);
  }
}

/** Up to the record's head: what comes meanwhile is of this process, and no matter of recovery. */
async function* journalFrom(
  store: ISessionStore,
  record: SessionRecord,
  start: number,
): AsyncGenerator<SessionEvent> {
  const { session_id, head_seq } = record;
  let from = start;
  while (from <= head_seq) {
    const events = await store.readJournal(session_id, from, Math.min(pageSize, head_seq - from + 1));
    yield* events;
    const last = events.at(-1);
    if (!last) return;
    from = last.seq + 1;
  }
}

async function headCheckpoint(store: ISessionStore, record: SessionRecord): Promise<CheckpointRecord | null> {
  if (record.head_checkpoint === null) return null;
  const checkpoint = await store.getCheckpoint(record.session_id, record.head_checkpoint);
  if (checkpoint) return checkpoint;
  const detail = `The checkpoint ${record.head_checkpoint} is missing.`;
  throw new SojournError('storage_error', detail, { session_id: record.session_id, damaged: true });
}

/** A run that was stopped half way, or that killed its kernel, would not give the same state again. */
function isReplayable(input: InputEvent, result: ResultEvent): boolean {
  if (input.replay === false) return false;
  if (result.error?.code !== undefined) return false;
  return result.status === 'ok' || result.status === 'error';
}

/** An operation that was refused before it began changed nothing. */
function hadEffect(result: ResultEvent): boolean {
  if (result.reason !== undefined) return false;
  const { code } = result.error ?? {};
  return code === undefined || code === 'kernel_died' || result.status !== 'error';
}
