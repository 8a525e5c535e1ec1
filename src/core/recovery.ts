/**
 * Recovery = newest checkpoint + the acknowledged inputs after it, run again in the order in which they ended.
 * An input without an answer is never run again, nor is one that the session has gone back before.
 */
import { isContent } from '../types/events.js';
import type { SessionEvent } from '../types/events.js';
import { SojournError } from '../types/errors.js';
import type { SessionRecord } from '../types/session.js';
import type { CheckpointRecord, ISessionStore } from '../types/store.js';
import { z } from 'zod';
import { hadEffect } from './journal-steps.js';
import type { InputEvent, Moved, ResultEvent } from './journal-steps.js';

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

export type RecoveryRecord = Pick<SessionRecord, 'session_id' | 'head_seq' | 'head_checkpoint'>;

const seqs = z.array(z.number().int()).default([]);
/**
 * Inputs of the time before the checkpoint whose results came after it: those that still waited, and those that the
 * checkpoint was taken for.
 */
const unfinishedSchema = z.object({ pending: seqs, applied: seqs });

const pageSize = 2000;

/**
 * How the state at `record.head_seq` comes back.
 * @param passedOver checkpoints that cannot be used
 * @throws storage_error when the journal or the checkpoint cannot be trusted
 */
export async function planRecovery(
  store: ISessionStore,
  record: RecoveryRecord,
  mayReplay: boolean,
  passedOver: readonly string[] = [],
): Promise<RecoveryPlan> {
  const checkpoint = await checkpointOf(store, record, record.head_checkpoint);
  const found = await scan(store, record, checkpoint);
  const { move } = found;
  if (!move) return planFrom(checkpoint, found, found.ended, mayReplay);
  const start = await usable(store, record, move.checkpoint_id, passedOver);
  const again = start?.checkpoint_id === checkpoint?.checkpoint_id ? found : await scan(store, record, start);
  const kept = new Set(start?.checkpoint_id === (move.checkpoint_id ?? undefined) ? move.replayed : []);
  const ended = again.ended.filter(({ input, result }) => result.seq > move.seq || kept.has(input.seq));
  return planFrom(start, again, ended, mayReplay);
}

interface Ended {
  readonly input: InputEvent;
  readonly result: ResultEvent;
}

interface Scan {
  readonly ended: readonly Ended[];
  readonly open: ReadonlyMap<number, InputEvent>;
  readonly questions: Questions;
  readonly contentSeq: number;
  /** The last time that the session went to another moment. */
  readonly move: (Moved & { readonly seq: number }) | null;
}

/** What came after a checkpoint. */
async function scan(
  store: ISessionStore,
  record: RecoveryRecord,
  checkpoint: CheckpointRecord | null,
): Promise<Scan> {
  const covered = checkpoint?.seq ?? -1;
  const unfinished = unfinishedSchema.parse(checkpoint?.manifest ?? {});
  const applied = new Set(unfinished.applied);
  const earlier = new Set([...unfinished.pending, ...applied]);
  const inputs = new Map<number, InputEvent>();
  const questions = new Questions();
  const ended: Ended[] = [];
  let contentSeq = covered;
  let move: Scan['move'] = null;
  const end = (result: ResultEvent) => {
    const input = inputs.get(result.input_seq);
    inputs.delete(result.input_seq);
    // Its input may stand before the checkpoint: the state that is left is saved in its turn.
    if (result.moved && result.seq > covered) move = { ...result.moved, seq: result.seq };
    if (input && result.moved === undefined && !applied.has(input.seq)) ended.push({ input, result });
  };
  for await (const event of journalFrom(store, record, Math.min(covered + 1, ...earlier))) {
    if (isContent(event)) contentSeq = Math.max(contentSeq, event.seq);
    if (event.type === 'input' && (event.seq > covered || earlier.has(event.seq)))
      inputs.set(event.seq, event);
    questions.add(event);
    if (event.type === 'result') end(event);
  }
  return { ended, open: inputs, questions, contentSeq, move };
}

function planFrom(
  checkpoint: CheckpointRecord | null,
  { questions, open, contentSeq }: Scan,
  ended: readonly Ended[],
  mayReplay: boolean,
): RecoveryPlan {
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
    firstInputAt: earliest([...ended.map(({ input }) => input), ...open.values()]),
    lost: lost.map(({ input }) => input.seq),
    open: [...open.keys()],
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
  record: RecoveryRecord,
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

/** The checkpoint, or the nearest before it that can be used. */
async function usable(
  store: ISessionStore,
  record: RecoveryRecord,
  id: string | null,
  passedOver: readonly string[],
): Promise<CheckpointRecord | null> {
  const checkpoint = await checkpointOf(store, record, id);
  if (!checkpoint || !passedOver.includes(checkpoint.checkpoint_id)) return checkpoint;
  return usable(store, record, checkpoint.parent, passedOver);
}

async function checkpointOf(
  store: ISessionStore,
  { session_id }: RecoveryRecord,
  id: string | null,
): Promise<CheckpointRecord | null> {
  if (id === null) return null;
  const checkpoint = await store.getCheckpoint(session_id, id);
  if (checkpoint) return checkpoint;
  throw new SojournError('storage_error', `The checkpoint ${id} is missing.`, { session_id, damaged: true });
}

/** A run that was stopped half way, or that killed its kernel, would not give the same state again. */
function isReplayable(input: InputEvent, result: ResultEvent): boolean {
  if (input.replay === false) return false;
  if (result.error?.code !== undefined) return false;
  return result.status === 'ok' || result.status === 'error';
}
