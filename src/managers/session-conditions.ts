/**
 * The conditions of writes that concern a session as a whole, such as its deletion: they are kept for one that sleeps
 * too, and do not wake it.
 */
import { checkConditions } from '../core/write-conditions.js';
import type { SessionHead } from '../core/write-conditions.js';
import { errors } from '../types/errors.js';
import { isContent } from '../types/events.js';
import type { ConditionalCall } from '../types/managers.js';
import type { ISessionPool, SessionRecord } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';
import { mayUse } from './session-listing.js';

export interface ConditionServices {
  readonly store: ISessionStore;
  readonly pool: ISessionPool;
}

const eventsAtOnce = 100;

/**
 * Resolves to the check itself, to be made right before the act with nothing awaited in between: what is live then is
 * judged as it is then. The check throws epoch_mismatch · conflict. @throws session_not_found
 */
export async function conditionsOf(
  { store, pool }: ConditionServices,
  id: string,
  { principal, if_seq, if_epoch }: ConditionalCall,
): Promise<() => void> {
  const record = await store.getSession(id);
  if (!record || !mayUse(principal, record)) throw errors.sessionNotFound(id);
  if (if_seq === undefined && if_epoch === undefined) return () => undefined;
  const stored = await storedHead(store, record, if_seq);
  return () => {
    const live = pool.peek(id)?.getState();
    // One that has no engine yet has not read what the journal says of the time before.
    const head = live === undefined || live.status === 'restoring' ? stored : live;
    checkConditions(id, head, { if_seq, if_epoch });
  };
}

/** @param since the journal is read from there on */
async function storedHead(
  store: ISessionStore,
  { session_id, epoch, head_seq }: SessionRecord,
  since: number | undefined,
): Promise<SessionHead> {
  for (let from = (since ?? head_seq) + 1; from <= head_seq;) {
    const events = await store.readJournal(session_id, from, eventsAtOnce);
    const written = events.find(isContent);
    if (written) return { epoch, head_seq, content_seq: written.seq };
    from = (events.at(-1)?.seq ?? head_seq) + 1;
  }
  return { epoch, head_seq, content_seq: 0 };
}
