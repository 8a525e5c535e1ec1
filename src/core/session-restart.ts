/** The restart of a live state: a fresh beginning, also of what no checkpoint keeps. */
import type { SessionRecord } from '../types/session.js';
import type { Incarnation } from './incarnation.js';
import type { SessionSaver } from './session-saver.js';
import type { SessionServices } from './session-services.js';

export interface RestartHost {
  readonly saver: SessionSaver;
  readonly incarnation: Incarnation;
  readonly services: SessionServices;
}

/**
 * For a caller who holds the turn. Lets the live state go, so that the next use makes it anew: from a checkpoint taken
 * now, or from nothing.
 * @returns the record as it is then. @throws what stands in the way, before anything was given up
 */
export async function restartState(
  keepState: boolean,
  record: SessionRecord,
  { saver, incarnation, services }: RestartHost,
): Promise<SessionRecord> {
  if (!keepState) await incarnation.rehearse();
  await incarnation.warm.clear();
  let after = record;
  if (keepState) await saver.saveLast('restart');
  else {
    await saver.saveNothing();
    // It is a step like a write: what was undone before is no longer the way of redo.
    const patch = { variable_count: 0, undone: [] };
    after = await services.store.updateSession(record.session_id, patch);
  }
  await incarnation.discard({ cause: 'restarted', details: { kept: keepState } });
  return after;
}
