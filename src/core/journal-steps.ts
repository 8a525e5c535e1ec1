/** The journal as steps of a session's state: which events changed it, and what came before what. */
import type { SessionEvent } from '../types/events.js';
import type { ISessionStore } from '../types/store.js';

export type InputEvent = Extract<SessionEvent, { type: 'input' }>;
export type ResultEvent = Extract<SessionEvent, { type: 'result' }>;
export type Moved = NonNullable<ResultEvent['moved']>;

const pageSize = 500;

/** An operation that was refused before it began changed nothing. */
export function hadEffect(result: ResultEvent): boolean {
  if (result.reason !== undefined) return false;
  const { code } = result.error ?? {};
  return code === undefined || code === 'kernel_died' || result.status !== 'error';
}

/** True where the state is another one than before: a write had its effect, or the session began anew. */
export function isStep(event: SessionEvent): boolean {
  if (event.type === 'result') return event.moved === undefined && hadEffect(event);
  return event.type === 'epoch' && event.cause === 'restarted' && event.details?.kept === false;
}

const moveOf = (event: SessionEvent): Moved | null =>
  event.type === 'result' ? (event.moved ?? null) : null;

/**
 * The places of the steps that made the state at `seq`, newest first: where the session went back, those that it went
 * back over are left out.
 */
export async function* stepsBack(
  store: ISessionStore,
  sessionId: string,
  seq: number,
): AsyncGenerator<number> {
  let to = seq;
  while (to >= 0) {
    const from = Math.max(0, to - pageSize + 1);
    const events = await store.readJournal(sessionId, from, to - from + 1);
    to = from - 1;
    for (const event of events.reverse()) {
      if (isStep(event)) yield event.seq;
      const move = moveOf(event);
      if (!move) continue;
      to = move.to_seq;
      break;
    }
  }
}

/** The last place where the state is still the one at `seq`. */
export async function lastOfState(
  store: ISessionStore,
  sessionId: string,
  seq: number,
  headSeq: number,
): Promise<number> {
  for (let from = seq + 1; from <= headSeq; from += pageSize) {
    const events = await store.readJournal(sessionId, from, Math.min(pageSize, headSeq - from + 1));
    const next = events.find((event) => isStep(event) || moveOf(event) !== null);
    if (next) return next.seq - 1;
  }
  return headSeq;
}
