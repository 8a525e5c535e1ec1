/** Makes a session from a former moment of another one, which need not be awake and does not notice. */
import type { EngineDefinition } from '../types/engine.js';
import type { SessionRecord } from '../types/session.js';
import { TimeTravel } from '../core/time-travel.js';
import { forkedRecord, storeFork } from './session-fork.js';
import type { Forked, ForkServices, MakeInstance, Wanted } from './session-fork.js';

/** @throws checkpoint_not_found for a place that the journal does not have · session_exists */
export async function forkPast(
  source: SessionRecord,
  seq: number,
  definition: EngineDefinition,
  wanted: Wanted,
  services: ForkServices,
  make: MakeInstance,
): Promise<Forked> {
  const replays = definition.capabilities.exact_replay === true && source.recovery === 'replay';
  const there = await new TimeTravel(services.store, source, replays).to('goto', { seq });
  const { plan, reachedSeq, endSeq, reason } = there;
  const checkpoint = plan?.checkpoint ?? null;
  const then = { ...source, head_seq: endSeq, branch: checkpoint?.branch ?? 'main', undone: [] };
  const record = { ...forkedRecord(then, wanted, services), variable_count: null };
  const not_kept = checkpoint?.not_kept ?? [];
  const head_checkpoint = checkpoint?.checkpoint_id ?? null;
  await storeFork(then, record, services, { live: false, not_kept }, { head_checkpoint });
  const stored = (await services.store.getSession(wanted.id)) ?? record;
  const instance = make(stored, definition, { cause: 'forked' });
  services.log.info(
    { session_id: wanted.id, from: source.session_id, seq },
    'a session was forked in the past',
  );
  return {
    instance,
    live: false,
    not_kept,
    reached_seq: reachedSeq,
    exact: reason === null,
    ...(reason === null ? {} : { reason }),
  };
}
