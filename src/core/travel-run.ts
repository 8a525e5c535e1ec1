/** Undo, redo and goto as writes of a session: the state that is left is kept, and another one takes its place. */
import type { SessionRecord } from '../types/session.js';
import type { Incarnation } from './incarnation.js';
import { failedOutcome } from './run.js';
import type { RunOutcome } from './run.js';
import type { SessionSaver } from './session-saver.js';
import type { SessionServices } from './session-services.js';
import { TimeTravel } from './time-travel.js';
import type { MoveName } from './time-travel.js';
import type { Params } from './write.js';

export interface TravelHost {
  record(): SessionRecord;
  readonly saver: Pick<SessionSaver, 'saveInTurn'>;
  readonly incarnation: Pick<Incarnation, 'travel'>;
}

/** For the write that holds the turn. */
export async function runTravel(
  move: MoveName,
  params: Params,
  { store, clock, definition }: Pick<SessionServices, 'store' | 'clock' | 'definition'>,
  host: TravelHost,
): Promise<RunOutcome> {
  const started = clock.monotonic();
  const elapsed = () => Math.round((clock.monotonic() - started) * 1000) / 1000;
  try {
    // The way leads back here, too.
    await host.saver.saveInTurn(move);
    const replays = definition.capabilities.exact_replay === true;
    const destination = await new TimeTravel(store, { ...host.record() }, replays).to(move, params);
    const { plan, branch, reachedSeq, steps, reason, undone } = destination;
    const why = reason === null ? {} : { reason };
    const value = { reached_seq: reachedSeq, steps, exact: reason === null, ...why };
    const done = { status: 'ok', value, error: null } as const;
    if (!plan) return { ...done, duration_ms: elapsed(), moved: null, patch: {} };
    const replayed = [...(await host.incarnation.travel(plan))];
    const checkpoint_id = plan.checkpoint?.checkpoint_id ?? null;
    return {
      ...done,
      duration_ms: elapsed(),
      moved: { to_seq: reachedSeq, checkpoint_id, replayed },
      patch: { head_checkpoint: checkpoint_id, branch, undone: [...undone] },
    };
  } catch (error) {
    return failedOutcome(error, definition, elapsed());
  }
}
